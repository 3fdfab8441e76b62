"""Makes the root of the services' images: Python, the libraries it links to, and nothing else.

`python3 root.py FOLDER`, in any Debian image with Python, be it Debian's own or another. There will
be no shell, no package manager and no pip. Debian's libraries come as whole packages, each with its
copyright and its entry in the list that scanners look for.
"""
# ruff: noqa: INP001 (a script, and no package's part)

import compileall
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from py_compile import PycInvalidationMode

USER = 65532
LEFT_OUT = [
    *("__pycache__", "dist-packages", "site-packages", "config-*"),
    *("test", "_test*", "_xx*", "xx*", "ensurepip", "venv", "pydoc_data"),
    # For desktops, terminals and database files, each with libraries of its own.
    *("idlelib", "tkinter", "_tkinter*", "turtle*", "curses", "_curses*", "readline*"),
    *("dbm", "_dbm*", "_gdbm*", "sqlite3", "_sqlite3*"),
]
"""Parts of the standard library."""
LOADED_LATER = ["libgcc_s.so.1"]
"""Libraries that nothing links to: glibc wants this one when a thread is ended."""
COPIED = [
    "/etc/debian_version",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/os-release",
    "/etc/ssl/certs/ca-certificates.crt",
]
WRITTEN = {
    "/etc/group": f"root:x:0:\nhsi:x:{USER}:\n",
    "/etc/nsswitch.conf": "hosts: files dns\n",
    "/etc/passwd": (
        f"root:x:0:0::/nonexistent:/nonexistent\nhsi:x:{USER}:{USER}::/nonexistent:/nonexistent\n"
    ),
}


def main(root: Path) -> None:
    """Make it."""
    root.mkdir()
    for link in Path("/").glob("lib*"):
        if link.is_symlink():
            place(link, root).symlink_to(link.readlink())
    libraries = linked_by(copy_python(root)) | {find(library) for library in LOADED_LATER}
    owners = files_and_packages()
    for package in sorted({owners[library] for library in libraries if library in owners}):
        copy_package(package, root)
    for library in libraries - owners.keys():
        copy(library, root)
    for name in COPIED:
        copy(Path(name), root)
    for name, text in WRITTEN.items():
        place(Path(name), root).write_text(text)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    run("ldconfig", "-r", str(root))


def copy_python(root: Path) -> list[Path]:
    """Copy the interpreter and its library; return what of it is linked to other libraries."""
    command = Path(sys.executable)
    interpreter, library = command.resolve(), Path(sysconfig.get_path("stdlib"))
    copy(interpreter, root)
    place(command.with_name("python3"), root).symlink_to(interpreter.name)
    shutil.copytree(library, place(library, root), ignore=shutil.ignore_patterns(*LEFT_OUT))
    # Nothing can be written where it runs; and there nothing changes, so nothing has to be checked.
    compileall.compile_dir(
        place(library, root),
        quiet=1,
        stripdir=str(root),
        prependdir="/",
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    modules = place(library, root).rglob("*.so")
    return [interpreter, *modules]


def linked_by(programs: list[Path]) -> set[Path]:
    """Return the libraries that programs are linked to."""
    lines = run("ldd", *map(str, programs))
    return {settle(Path(file)) for file in re.findall(r"(/\S+) \(0x", lines)}


def find(library: str) -> Path:
    """Return where the loader finds a library."""
    lines = run("ldconfig", "-p").splitlines()
    return settle(Path(next(line.split()[-1] for line in lines if line.split()[0] == library)))


def files_and_packages() -> dict[Path, str]:
    """Return for each of Debian's files the package that it is of."""
    return {
        settle(Path(line)): listing.stem
        for listing in Path("/var/lib/dpkg/info").glob("*.list")
        for line in listing.read_text().splitlines()
    }


def copy_package(package: str, root: Path) -> None:
    """Copy a package of libraries."""
    for line in run("dpkg", "--listfiles", package).splitlines():
        file = settle(Path(line))
        if ".so" in file.name and "gconv" not in file.parts and file.is_file():
            copy(file, root)
    name = package.partition(":")[0]
    there = place(Path("/usr/share/doc", name, "copyright"), root)
    shutil.copyfile(Path("/usr/share/doc", name, "copyright"), there)
    there = place(Path("/var/lib/dpkg/status.d", name), root)
    there.write_text(run("dpkg", "--status", package))


def settle(file: Path) -> Path:
    """Return a file's name with the links among its folders followed: /lib is /usr/lib."""
    return Path(os.path.realpath(file.parent), file.name)


def place(file: Path, root: Path) -> Path:
    """Return where a file belongs under another root, whose folders are made."""
    there = root / file.relative_to("/")
    there.parent.mkdir(parents=True, exist_ok=True)
    return there


def copy(file: Path, root: Path) -> None:
    """Copy a file, a link as a link with what it leads to, or a folder."""
    if file.is_dir():
        shutil.copytree(file, place(file, root))
        return
    shutil.copy2(file, place(file, root), follow_symlinks=False)
    if file.is_symlink():
        copy(settle(file.parent / file.readlink()), root)


def run(*command: str) -> str:
    """Return what a program says."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 (our own)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
