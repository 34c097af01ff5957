"""The device in one line: what JAX found, and a note where that is not what was asked for."""

from core import backend


def device_line() -> str:
    """Platform, device, precision, JAX version."""
    device = backend.describe()
    count = f"{device.count} × " if device.count > 1 else ""
    kind = "" if device.kind.lower() == device.platform.lower() else f" ({device.kind})"
    note = f" **{device.note}**" if device.note else ""
    return f"Computed by JAX {device.jax} on {count}{device.platform.upper()}{kind}, {device.precision}.{note}"
