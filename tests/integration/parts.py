"""Where the real parts lie that `make peers` builds, and which of them are missing."""

from pathlib import Path

BINARIES = Path(__file__).parents[1] / "peers" / "bin"
CUSTOM_RESOURCES = BINARIES / "crds"
KUBERNETES = ("etcd", "kube-apiserver", "kubectl")


def binary(name: str) -> Path:
    """Returns the path of a part's program, whether it is there or not."""
    return BINARIES / name


def missing(*names: str) -> str | None:
    """Returns why the parts cannot be run, or None when all of them are there."""
    absent = [name for name in names if not binary(name).is_file()]
    return f"not built: {', '.join(absent)}; `make peers` builds them, with Go" if absent else None
