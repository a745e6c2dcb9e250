"""Phone numbers: text in, E.164 out."""

from .number import (
    E164,
    SATELLITE_REGION,
    SUPPORTED_REGIONS,
    PhoneNumber,
    WithE164,
    mask,
    mask_prefix,
)
from .reading import DEFAULT_REFUSED_TYPES, REFUSED_TYPES, UNKNOWN, parse_phone_number, read_any

__all__ = [
    "DEFAULT_REFUSED_TYPES",
    "E164",
    "REFUSED_TYPES",
    "SATELLITE_REGION",
    "SUPPORTED_REGIONS",
    "UNKNOWN",
    "PhoneNumber",
    "WithE164",
    "mask",
    "mask_prefix",
    "parse_phone_number",
    "read_any",
]
