"""Whole numbers as people and addresses write them."""

#: What a column of 32 bits holds; the ids of what people set up stand in such columns.
LARGEST = 2**31 - 1
#: What a column of 64 bits holds: ids of what the engine writes.
LARGEST_BIG = 2**63 - 1


def whole_number(text: str | None, most: int = LARGEST) -> int | None:
    """The number that ``text`` writes in ASCII digits, from 0 to ``most``; ``None`` when it writes no such number.

    ``str.isdigit`` takes digits that ``int`` refuses ("²"), and a database refuses numbers that ``int`` takes.
    """
    if not text or not text.isascii() or not text.isdigit() or len(text) > len(str(most)):
        return None
    number = int(text)
    return number if number <= most else None
