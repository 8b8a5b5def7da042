"""Fields of forms have the attributes that WTForms would write."""

import pytest
from markupsafe import Markup
from wtforms import BooleanField, Form, PasswordField, StringField
from wtforms.widgets import html_params

from senddock.web import attributes


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": "a", "id": "f", "class_": "form-control is-invalid", "for_": "x"},
        {"checked": True, "readonly": False, "data_some_thing": 1, "aria-describedby": "f-help", "aria_label": "Ö"},
        {"value": "\"><script>alert('x')</script>&amp;", "placeholder": ""},
        {"value": Markup('<b title="x">&amp;</b>'), "maxlength": 320, "step": 0.5, "value2": None},
    ],
)
def test_attributes_are_those_of_wtforms(given: dict[str, object]) -> None:
    assert attributes.html_params(**given) == html_params(**given)
    assert isinstance(attributes.html_params(**given), Markup)


def test_fields_use_it_and_show_what_was_entered_as_text() -> None:
    attributes.prepare()

    class Example(Form):
        text, secret, agreed = StringField(), PasswordField(), BooleanField()

    for field in Example(data={"text": '"><script>'}):
        assert field.widget.html_params is attributes.html_params
        assert "<script>" not in field(class_='x"><script>')
