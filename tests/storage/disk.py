"""A disk of a few megabytes: a real one where this may mount, otherwise the kernel's limit on the size of files."""

import contextlib
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path


class Disk:
    """A folder whose room is small."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.folder = folder
        self._mounted = mounted
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        """Nothing more fits."""
        if not self._mounted:
            largest = max(path.stat().st_size for path in self.folder.iterdir())
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, self._limits[1]))
            return
        with contextlib.suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"\0" * 4096)

    def make_room(self) -> None:
        """There is room again."""
        if self._mounted:
            (self.folder / "filler").unlink()
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Nobody may write for the length of the block; no file may be open for writing when it begins."""
        places = [self.folder, *self.folder.iterdir()]
        modes = {path: path.stat().st_mode for path in places}
        if self._mounted:
            subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)
        else:
            for path in places:
                path.chmod(0o555 if path.is_dir() else 0o444)
        yield
        if self._mounted:
            subprocess.run(["mount", "-o", "remount,rw", str(self.folder)], check=True)
        else:
            for path, mode in modes.items():
                path.chmod(mode)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """Mounted for the block."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    disk = Disk(folder, mounted=mounted)
    try:
        yield disk
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        else:
            disk.make_room()
