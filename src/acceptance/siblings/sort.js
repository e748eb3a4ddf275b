(function () {
  "use strict";
  function key(row, at) {
    var cell = row.children[at], value = cell.dataset.v;
    return value === undefined ? cell.textContent : value === "" ? NaN : parseFloat(value);
  }
  function compare(a, b) {
    if (typeof a === "number") { return isNaN(a) ? isNaN(b) ? 0 : 1 : isNaN(b) ? -1 : a - b; }
    return a.localeCompare(b, undefined, { numeric: true });
  }
  document.querySelectorAll("table").forEach(function (table) {
    var heads = Array.prototype.slice.call(table.querySelectorAll("thead th"));
    heads.forEach(function (head, at) {
      head.querySelector("button").addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending", body = table.tBodies[0];
        var rows = Array.prototype.map.call(body.rows, function (row) { return [key(row, at), row]; });
        rows.sort(function (a, b) { return (down ? -1 : 1) * compare(a[0], b[0]); });
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.forEach(function (pair) { body.appendChild(pair[1]); });
      });
    });
  });
})();
