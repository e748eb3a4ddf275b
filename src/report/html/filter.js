(function () {
  "use strict";
  var rows = Array.prototype.slice.call(document.querySelectorAll("#events tr"));
  var words = document.getElementById("words"), level = document.getElementById("level"), shown = document.getElementById("shown");
  function filter() {
    var wanted = words.value.toLowerCase().split(/\s+/), count = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      var fits = (!level.value || row.dataset.level === level.value) && wanted.every(function (word) { return text.indexOf(word) >= 0; });
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    shown.textContent = count + " of " + rows.length;
  }
  function open() {
    var target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") { target.open = true; }
  }
  words.addEventListener("input", filter);
  level.addEventListener("change", filter);
  window.addEventListener("hashchange", open);
  document.querySelector(".filter").hidden = false;
  filter();
  open();
})();
