"""What cannot be sent, and which field is to blame."""


class InvalidContent(ValueError):
    """A field of a submission cannot be sent; ``field`` names it and the text says why and what to write."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
