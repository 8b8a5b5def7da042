"""Pure decisions: standard library only, no clock, no network, no framework.

``now`` is always an argument and always an aware UTC datetime. The rest of the package asks; this room answers.
"""
