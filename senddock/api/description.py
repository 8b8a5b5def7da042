"""`/api/openapi.json` and `/api/docs`: the API described from its own types. Both need no key: they hold no secret."""

from typing import Any

from flask import Blueprint, Response, render_template

from senddock.api.access import call, services
from senddock.api.answers import answer
from senddock.api.openapi import document

bp = Blueprint("description", __name__)
#: Members that only very old SDKs send; they are read and not shown to people.
_HIDDEN = frozenset(
    {"replyTo", "scheduledAt", "expiresAt", "contentType", "contentId", "inline_content_id", "template"}
)


@bp.get("/openapi.json")
def openapi() -> Response:
    """OpenAPI 3.1."""
    return answer(_described())


@bp.get("/docs")
def docs() -> str:
    """The same for people."""
    described = _described()
    schemas = described["components"]["schemas"]
    operations = [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation["summary"],
            "name": operation["operationId"],
            "parameters": [_row(one["name"], one["schema"], one) for one in operation.get("parameters", ())],
            "body": _members(_schema(operation["requestBody"]), schemas) if "requestBody" in operation else [],
            "answer": _members(_schema(operation["responses"]["200"]), schemas),
            "errors": [(code, row["description"]) for code, row in operation["responses"].items() if code != "200"],
        }
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    return render_template(
        "api/docs.html",
        api_base=_base(),
        operations=operations,
        attachment=_members(schemas["AttachmentBody"], schemas),
    )


def _described() -> dict[str, Any]:
    return document(_base(), fetching=services().fetcher is not None)


def _base() -> str:
    return f"{call().server}/api"


def _schema(holder: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = holder["content"]["application/json"]["schema"]
    return found


def _members(schema: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if "items" in schema:
        schema = schema["items"]
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", ())
    return [
        _row(name, member, {"required": name in required, "description": member.get("description")})
        for name, member in schema.get("properties", {}).items()
        if name not in _HIDDEN
    ]


def _row(name: str, schema: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "type": _type(schema),
        "required": about.get("required", False),
        "where": about.get("in"),
        "description": about.get("description") or schema.get("description") or "",
    }


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        kinds = dict.fromkeys(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
        return " or ".join(kinds)
    if "enum" in schema:
        return " or ".join(str(value) for value in schema["enum"] if value is not None)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = str(schema.get("format") or schema.get("type") or "any")
    return {"byte": "base64", "date-time": "time", "send-time": "time", "expiry-time": "time"}.get(kind, kind)
