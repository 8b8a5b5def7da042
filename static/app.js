// Small comforts; every page works without them.
(function () {
  "use strict";
  var names = ["system", "light", "dark"], language = document.documentElement.lang;

  function theme() {
    try { return localStorage.getItem("theme") || "system"; } catch (error) { return "system"; }
  }

  function showTheme() {
    var dark = theme() === "dark" || (theme() === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.setAttribute("data-bs-theme", dark ? "dark" : "light");
    document.querySelectorAll("[data-theme-name]").forEach(function (label) {
      label.textContent = label.closest("[data-theme-switch]").dataset[theme()];
    });
  }

  var ago = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

  function relative(date) {
    var seconds = (date - Date.now()) / 1000, size = Math.abs(seconds);
    if (size < 60) return ago.format(Math.round(seconds), "second");
    if (size < 3600) return ago.format(Math.round(seconds / 60), "minute");
    if (size < 86400) return ago.format(Math.round(seconds / 3600), "hour");
    return ago.format(Math.round(seconds / 86400), "day");
  }

  function showTimes(root) {
    root.querySelectorAll("time[data-relative], time[data-clock]").forEach(function (element) {
      var date = new Date(element.dateTime), today = date.toDateString() === new Date().toDateString();
      element.title = date.toLocaleString(language, { dateStyle: "full", timeStyle: "long", hourCycle: "h23" });
      element.textContent = element.hasAttribute("data-relative") ? relative(date)
        : today ? date.toLocaleTimeString(language, { hourCycle: "h23" }) : date.toLocaleString(language, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    });
  }

  document.addEventListener("click", function (event) {
    var target = event.target.closest("[data-copy], [data-theme-switch], [data-menu], [data-jump], [data-fill-port], [data-reload], [data-trouble-close]");
    document.querySelectorAll("details.more[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    });
    if (!target) return;
    if (target.hasAttribute("data-copy")) {
      navigator.clipboard.writeText(target.dataset.copy).then(function () {
        var announce = document.getElementById("announce");
        announce.textContent = announce.dataset.copied;
        target.classList.add("copied");
        setTimeout(function () { target.classList.remove("copied"); announce.textContent = ""; }, 2000);
      });
    } else if (target.hasAttribute("data-theme-switch")) {
      try { localStorage.setItem("theme", names[(names.indexOf(theme()) + 1) % 3]); } catch (error) { return; }
      showTheme();
    } else if (target.hasAttribute("data-fill-port")) {
      var port = document.getElementById("port");
      var kind = document.querySelector('input[name="encryption"][value="' + target.dataset.fillEncryption + '"]');
      if (!port || !kind) return;
      event.preventDefault();
      port.value = target.dataset.fillPort;
      kind.checked = true;
      port.dispatchEvent(new Event("change", { bubbles: true }));
      port.focus();
    } else if (target.hasAttribute("data-reload")) {
      location.reload();
    } else if (target.hasAttribute("data-trouble-close")) {
      trouble.hidden = true;
    } else if (target.hasAttribute("data-jump")) {
      event.preventDefault();
      openJump();
    } else {
      var open = document.getElementById("menu").classList.toggle("open");
      target.setAttribute("aria-expanded", String(open));
    }
  });

  // Escape closes what is open and gives the focus back.
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.more[open]").forEach(function (menu) {
      menu.removeAttribute("open");
      menu.querySelector("summary").focus();
    });
  });

  // A time is typed in the browser's zone and travels in UTC; without this file both are UTC.
  document.querySelectorAll("input[data-moment]").forEach(function (field) {
    var sent = document.createElement("input");
    sent.type = "hidden";
    sent.name = field.name;
    field.removeAttribute("name");
    field.title = "";
    if (field.value) {
      sent.value = field.value + "Z";
      var date = new Date(sent.value);
      field.value = new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    }
    field.after(sent);
    field.addEventListener("change", function () { sent.value = field.value ? new Date(field.value).toISOString() : ""; });
  });

  // Links that act on the filtered list carry the filter of the address bar.
  document.addEventListener("htmx:pushedIntoHistory", function () {
    document.querySelectorAll("[data-follows-filter] a").forEach(function (link) { link.search = location.search; });
  });

  // Ctrl/⌘ K: the dialog is a list of links, so arrows only move the focus.
  var jump = document.getElementById("jump");

  function openJump() {
    if (!jump || jump.open) return;
    jump.showModal();
    var text = document.getElementById("jump-text");
    text.select();
    htmx.trigger(text, "show");
  }

  document.addEventListener("keydown", function (event) {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openJump();
      return;
    }
    if (!jump || !jump.open) return;
    var links = Array.from(jump.querySelectorAll("#places a")), here = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown" && links.length) links[Math.min(here + 1, links.length - 1)].focus();
    else if (event.key === "ArrowUp" && here > 0) links[here - 1].focus();
    else if (event.key === "ArrowUp") document.getElementById("jump-text").focus();
    else if (event.key === "Enter" && here < 0 && links.length) links[0].click();
    else return;
    event.preventDefault();
  });
  if (jump) jump.addEventListener("click", function (event) { if (event.target === jump) jump.close(); });

  // A swap must not close what a person has opened, nor lose the focus: a button is found again by the form it is in.
  var opened = [], focused = null;

  function placeOf(element) {
    if (!element || element === document.body) return null;
    var form = element.closest("form[action]"), item = element.closest("li[id], tr[id]");
    return {
      id: element.id, item: item && item.id,
      form: form && !element.id ? "form[action=\"" + CSS.escape(form.getAttribute("action")) + "\"] " + element.tagName : null
    };
  }

  // What fails leaves the page as it is and is told in a bar over it. A part that renews itself is asked again anyway,
  // so trouble with the connection goes by itself; what a person has pressed is told until it is closed.
  var trouble = document.getElementById("trouble"), heard = new Date();

  function tell(kind, title, why) {
    if (!trouble || !trouble.hidden && trouble.dataset.kind === "pressed" && kind !== "pressed") return;
    trouble.dataset.kind = kind;
    trouble.querySelector("[data-trouble-title]").textContent = title;
    trouble.querySelector("[data-trouble-why]").textContent = why;
    trouble.hidden = false;
  }

  function kindOf(detail) { return detail.requestConfig && detail.requestConfig.triggeringEvent ? "pressed" : "renewal"; }

  function unreachable(event) {
    if (!trouble) return;
    tell(kindOf(event.detail), trouble.dataset.offline, trouble.dataset.offlineWhy.replace("%(time)s", heard.toLocaleTimeString(language, { hourCycle: "h23" })));
  }

  document.addEventListener("htmx:sendError", unreachable);
  document.addEventListener("htmx:timeout", unreachable);
  document.addEventListener("htmx:beforeSwap", function (event) {
    var answer = event.detail.xhr;
    if (!trouble || !answer || answer.status < 400 || answer.status === 422) return;
    event.detail.shouldSwap = false;
    var said = new DOMParser().parseFromString(answer.responseText, "text/html").getElementById("error");
    tell(kindOf(event.detail), said ? said.querySelector("h1").textContent : trouble.dataset.odd,
      said ? said.querySelector(".empty-subtitle").textContent : String(answer.status));
    // What is gone does not come back: it is not asked for again.
    if (answer.status === 404 && kindOf(event.detail) === "renewal") event.detail.requestConfig.elt.dataset.gone = "";
  });
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (event.detail.elt.dataset.gone !== undefined) event.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (!trouble || !event.detail.successful) return;
    heard = new Date();
    if (trouble.dataset.kind === "renewal" || kindOf(event.detail) === "pressed") trouble.hidden = true;
  });

  // Rows that arrive above what a person reads must not push it down: the first row in sight stays where it is.
  var reading = null;

  function holdReading() {
    var row = reading && document.getElementById(reading.id);
    if (row) window.scrollBy(0, row.getBoundingClientRect().top - reading.top);
  }

  document.addEventListener("htmx:beforeSwap", function (event) {
    reading = null;
    if (swapped(event).id !== "log-poll" || window.scrollY <= 0) return;
    document.querySelectorAll("#log-rows tr[id^='m-']").forEach(function (row) {
      var box = row.getBoundingClientRect();
      if (!reading && box.bottom > 0) reading = { id: row.id, top: box.top };
    });
  });
  document.addEventListener("htmx:afterSwap", holdReading);
  document.addEventListener("htmx:afterSettle", function () { holdReading(); reading = null; });

  // A list that was left open over night begins anew from its top, unless somebody is further down in it.
  document.addEventListener("htmx:afterSettle", function (event) {
    var rows = swapped(event).id === "log-poll" && document.getElementById("log-rows");
    if (!rows || rows.children.length <= rows.dataset.most || window.scrollY > 0 || rows.contains(document.activeElement)) return;
    htmx.ajax("GET", location.pathname + location.search, { target: "#log", swap: "outerHTML" });
  });

  // A page that comes back from the history is swapped without a target.
  function swapped(event) { return event.detail.target || event.detail.elt || document.body; }

  document.addEventListener("htmx:beforeSwap", function (event) {
    var target = swapped(event);
    opened = [];
    target.querySelectorAll("details").forEach(function (one, index) { opened[index] = one.open; });
    focused = target.contains(document.activeElement) ? placeOf(document.activeElement) : null;
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    var root = document.getElementById(swapped(event).id) || event.detail.elt;
    if (opened.length) root.querySelectorAll("details").forEach(function (one, index) {
      if (opened[index] !== undefined && !one.classList.contains("more")) one.open = opened[index];
    });
    if (!focused || root.contains(document.activeElement)) return;
    var again = (focused.id && document.getElementById(focused.id)) || (focused.form && root.querySelector(focused.form)) ||
      (focused.item && document.querySelector("#" + CSS.escape(focused.item) + " button, #" + CSS.escape(focused.item) + " a"));
    if (again) again.focus();
    focused = null;
  });
  document.addEventListener("htmx:load", function (event) { showTimes(event.detail.elt.parentNode || document); });
  showTimes(document);
  showTheme();
  if (/Mac|iPhone|iPad/.test(navigator.platform)) document.querySelectorAll("[data-jump-keys]").forEach(function (keys) { keys.textContent = "⌘ K"; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  setInterval(function () { showTimes(document); }, 15000);
})();
