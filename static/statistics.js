// Draws each table of figures as lines. The table is the source, so both always say the same.
(function () {
  "use strict";
  var palette = ["#2f6fed", "#e8590c", "#2b8a3e", "#ae3ec9", "#0c8599", "#c92a2a", "#8d6e00", "#5f3dc4"];
  var plots = [];

  function figures(table) {
    var rows = Array.from(table.tBodies[0].rows);
    var lines = Array.from(table.tHead.rows[0].cells).slice(1).map(function (cell, index) {
      return rows.map(function (row) {
        var value = row.cells[index + 1].dataset.value;
        return value === undefined ? null : Number(value);
      });
    });
    return [rows.map(function (row) { return Date.parse(row.cells[0].querySelector("time").dateTime) / 1000; })].concat(lines);
  }

  function shown(unit, value) {
    if (value === null || value === undefined) return "–";
    if (unit !== "ms") return value.toLocaleString();
    return value < 1000 ? Math.round(value) + " ms" : (value / 1000).toFixed(1) + " s";
  }

  function draw(box) {
    var table = document.getElementById(box.dataset.plot), unit = box.dataset.unit;
    var style = getComputedStyle(document.body), text = style.color;
    var grid = { stroke: getComputedStyle(box.closest(".card")).borderTopColor, width: 1 };
    var heads = Array.from(table.tHead.rows[0].cells).slice(1);
    box.textContent = "";
    plots.push(new uPlot({
      width: box.clientWidth, height: 220,
      series: [{}].concat(heads.map(function (cell, index) {
        return {
          label: cell.textContent.trim(), stroke: palette[index % palette.length], width: 2, points: { size: 4 },
          dash: index >= palette.length ? [6, 4] : undefined, value: function (_, value) { return shown(unit, value); }
        };
      })),
      axes: [
        { stroke: text, grid: grid, ticks: grid },
        { stroke: text, grid: grid, ticks: grid, size: 62, values: function (_, ticks) { return ticks.map(function (tick) { return shown(unit, tick); }); } }
      ],
      scales: { y: { range: function (_, low, high) { return [0, high > 0 ? high * 1.05 : 1]; } } }
    }, figures(table), box));
  }

  function drawAll() {
    plots.splice(0).forEach(function (plot) { plot.destroy(); });
    document.querySelectorAll("[data-plot]").forEach(draw);
  }

  var waiting = null;
  function later() { clearTimeout(waiting); waiting = setTimeout(drawAll, 120); }
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", function (event) { if (event.detail.target && event.detail.target.id === "statistics") drawAll(); });
  addEventListener("resize", later);
  new MutationObserver(later).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
})();
