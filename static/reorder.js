// Lists that a person puts in order: <ol data-reorder="address" data-reorder-target="#fragment"> with <li data-id> and a
// <button data-handle> in each. Drag the handle, or press the arrow keys on it. The new order is posted as id=…&id=….
(function () {
  "use strict";
  var dragged = null, before = "";

  function order(list) {
    return Array.from(list.children).map(function (item) { return item.dataset.id; });
  }

  function send(list) {
    htmx.ajax("POST", list.dataset.reorder, { target: list.dataset.reorderTarget, swap: "outerHTML", values: { id: order(list) } });
  }

  function say(text) { document.getElementById("announce").textContent = text; }

  document.addEventListener("keydown", function (event) {
    var handle = event.target.closest && event.target.closest("[data-handle]");
    if (!handle || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    var item = handle.closest("li"), list = item.parentNode;
    var other = event.key === "ArrowUp" ? item.previousElementSibling : item.nextElementSibling;
    event.preventDefault();
    if (!other) return;
    list.insertBefore(item, event.key === "ArrowUp" ? other : other.nextElementSibling);
    handle.focus();
    say((order(list).indexOf(item.dataset.id) + 1) + " / " + list.children.length);
    send(list);
  });

  document.addEventListener("pointerdown", function (event) {
    var handle = event.target.closest("[data-handle]");
    if (!handle || event.button !== 0) return;
    dragged = handle.closest("li");
    before = order(dragged.parentNode).join();
    dragged.classList.add("dragged");
    handle.setPointerCapture(event.pointerId);
  });

  document.addEventListener("pointermove", function (event) {
    if (!dragged) return;
    var list = dragged.parentNode;
    var after = Array.from(list.children).find(function (item) {
      var box = item.getBoundingClientRect();
      return item !== dragged && event.clientY < box.top + box.height / 2;
    });
    if (after !== dragged.nextElementSibling) list.insertBefore(dragged, after || null);
  });

  function drop(keep) {
    if (!dragged) return;
    var list = dragged.parentNode;
    dragged.classList.remove("dragged");
    if (!keep) {
      before.split(",").forEach(function (id) { list.appendChild(list.querySelector('[data-id="' + id + '"]')); });
    } else if (order(list).join() !== before) {
      send(list);
    }
    dragged = null;
  }

  document.addEventListener("pointerup", function () { drop(true); });
  document.addEventListener("pointercancel", function () { drop(false); });
  document.addEventListener("keydown", function (event) { if (event.key === "Escape") drop(false); });
})();
