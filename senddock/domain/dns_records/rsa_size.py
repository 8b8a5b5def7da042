"""The length of an RSA public key, read from its DER form without a cryptography library (RFC 8017 appendix A.1.1)."""

_SEQUENCE, _INTEGER, _BIT_STRING, _OBJECT = 0x30, 0x02, 0x03, 0x06
_RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")


def rsa_bits(der: bytes) -> int:
    """Bits of the modulus of a SubjectPublicKeyInfo, or of a bare RSAPublicKey, which verifiers accept as well.

    Raises `ValueError` with a sentence when `der` is neither, or is cut off.
    """
    body, _ = _read(der, _SEQUENCE)
    if body[:1] == bytes([_SEQUENCE]):
        algorithm, rest = _read(body, _SEQUENCE)
        identifier, _ = _read(algorithm, _OBJECT)
        if identifier != _RSA_ENCRYPTION:
            raise ValueError("the key is not an RSA key")
        bits, _ = _read(rest, _BIT_STRING)
        body, _ = _read(bits[1:], _SEQUENCE)
    modulus, rest = _read(body, _INTEGER)
    _read(rest, _INTEGER)
    return int.from_bytes(modulus, "big").bit_length()


def _read(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The value of the first DER element and what follows it."""
    if len(data) < 2:
        raise ValueError("the key is cut off: publish it whole, in several strings if it is over 255 characters")
    if data[0] != tag:
        raise ValueError("the key is not in the form of an RSA public key")
    length, start = data[1], 2
    if length & 0x80:
        octets = length & 0x7F
        length, start = int.from_bytes(data[2 : 2 + octets], "big"), 2 + octets
    if start + length > len(data):
        raise ValueError("the key is cut off: publish it whole, in several strings if it is over 255 characters")
    return data[start : start + length], data[start + length :]
