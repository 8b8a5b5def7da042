// Small comforts; every page works without them.
(function () {
  "use strict";
  var names = ["system", "light", "dark"];

  function theme() {
    try { return localStorage.getItem("theme") || "system"; } catch (error) { return "system"; }
  }

  function showTheme() {
    var dark = theme() === "dark" || (theme() === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.setAttribute("data-bs-theme", dark ? "dark" : "light");
    document.querySelectorAll("[data-theme-name]").forEach(function (label) {
      label.textContent = { system: "System", light: "Light", dark: "Dark" }[theme()];
    });
  }

  var ago = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

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
      element.title = date.toLocaleString();
      element.textContent = element.hasAttribute("data-relative") ? relative(date)
        : today ? date.toLocaleTimeString() : date.toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
    });
  }

  document.addEventListener("click", function (event) {
    var target = event.target.closest("[data-copy], [data-theme-switch], [data-menu]");
    document.querySelectorAll("details.more[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    });
    if (!target) return;
    if (target.hasAttribute("data-copy")) {
      navigator.clipboard.writeText(target.dataset.copy).then(function () {
        document.getElementById("announce").textContent = "Copied";
        target.classList.add("copied");
      });
    } else if (target.hasAttribute("data-theme-switch")) {
      try { localStorage.setItem("theme", names[(names.indexOf(theme()) + 1) % 3]); } catch (error) { return; }
      showTheme();
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

  // A swap must not close what a person has opened, nor lose the focus.
  var opened = [];
  document.addEventListener("htmx:beforeSwap", function (event) {
    opened = [];
    event.detail.target.querySelectorAll("details").forEach(function (one, index) { opened[index] = one.open; });
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    var root = document.getElementById(event.detail.target.id) || event.detail.elt;
    if (opened.length) root.querySelectorAll("details").forEach(function (one, index) {
      if (opened[index] !== undefined && !one.classList.contains("more")) one.open = opened[index];
    });
  });
  document.addEventListener("htmx:load", function (event) { showTimes(event.detail.elt.parentNode || document); });
  document.addEventListener("DOMContentLoaded", function () { showTimes(document); showTheme(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  setInterval(function () { showTimes(document); }, 15000);
})();
