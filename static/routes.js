// The editor of a stream's order: drag, and arrow keys on a handle. Both press the buttons the form has anyway; the
// server answers each step with the whole editor, so there is one place that knows what an order is.
(function () {
  "use strict";
  var dragged = null;

  function placed(event) { return event.target.closest ? event.target.closest("#editor [data-placed]") : null; }

  function clear() {
    document.querySelectorAll(".over-before, .over-after, .over-join, .dragged").forEach(function (row) {
      row.classList.remove("over-before", "over-after", "over-join", "dragged");
    });
  }

  // The upper and lower quarter of a row mean "a turn of its own" there; the middle means "share its turn".
  function zone(row, event) {
    var box = row.getBoundingClientRect(), place = (event.clientY - box.top) / box.height;
    return place < 0.25 ? "before" : place > 0.75 ? "after" : "join";
  }

  function step(words) {
    var button = document.getElementById("drop");
    button.value = words;
    button.click();
  }

  document.addEventListener("dragstart", function (event) {
    var row = placed(event);
    if (!row) return;
    dragged = row.dataset.placed;
    row.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged);
  });
  document.addEventListener("dragover", function (event) {
    var row = placed(event);
    if (dragged === null || !row || row.dataset.placed === dragged) return;
    event.preventDefault();
    var here = zone(row, event);
    if (!row.classList.contains("over-" + here)) {
      document.querySelectorAll(".over-before, .over-after, .over-join").forEach(function (one) {
        one.classList.remove("over-before", "over-after", "over-join");
      });
      row.classList.add("over-" + here);
    }
  });
  document.addEventListener("drop", function (event) {
    var row = placed(event);
    if (dragged === null || !row || row.dataset.placed === dragged) return;
    event.preventDefault();
    var here = zone(row, event), target = row.dataset.placed;
    if (here === "join") step("join:" + dragged + ":" + target);
    else if (here === "before") step("before:" + dragged + ":" + target);
    else {
      var tier = row.closest("[data-tier]").nextElementSibling;
      var next = tier && tier.querySelector("[data-placed]:not([data-placed='" + dragged + "'])");
      step(next ? "before:" + dragged + ":" + next.dataset.placed : "last:" + dragged);
    }
  });
  document.addEventListener("dragend", function () { dragged = null; clear(); });

  document.addEventListener("keydown", function (event) {
    var grip = event.target.closest ? event.target.closest("[data-grip]") : null;
    if (!grip || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    document.getElementById((event.key === "ArrowUp" ? "up-" : "down-") + grip.dataset.grip).click();
  });

  // The new order is said aloud; the focus stays where it was, because every control keeps its id.
  document.addEventListener("htmx:afterSettle", function (event) {
    var line = document.querySelector("[data-preview]");
    if (line && event.detail.target && (event.detail.target.id === "editor" || event.detail.target.id === "route-preview")) {
      document.getElementById("announce").textContent = line.textContent;
    }
  });
})();
