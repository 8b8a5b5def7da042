"""What a caller is refused, with the field to blame and what to do about it."""


class Refused(ValueError):
    """A request that cannot be carried out; nothing was changed."""

    def __init__(self, message: str, *, field: str | None = None, code: str = "invalid") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        #: ``invalid``, ``not_found``, ``conflict``, ``key``, ``not_allowed`` or ``reading``.
        self.code = code


class RefusedFields(Refused):
    """Several fields of a form at once."""

    def __init__(self, errors: dict[str, str]) -> None:
        field, message = next(iter(errors.items()))
        super().__init__(message, field=field)
        self.errors = errors
