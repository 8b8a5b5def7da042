// <form data-preview="#button">: shows the preview again while a person types. The frame is a new one each time, because
// the first load of a frame adds no step to the browser's history.
(function () {
  "use strict";
  document.querySelectorAll("form[data-preview]").forEach(function (form) {
    var button = document.querySelector(form.dataset.preview), timer = 0;

    function show() {
      var frame = document.getElementById(button.formTarget);
      frame.replaceWith(frame.cloneNode(false));
      form.requestSubmit(button);
    }

    form.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(show, 400); });
    show();
  });
})();
