"""Make the tiny detectors of this folder: `pip install onnx numpy && python make.py`."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
SIDE = 64  # px


def save(name, outputs, opset=13):
    """Write a network whose outputs are these arrays, whatever it is shown."""
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    nodes, constants, ends = [], [], []
    nodes.append(helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0))
    constants.append(numpy_helper.from_array(np.float32(0), "zero"))
    nodes.append(helper.make_node("Mul", ["mean", "zero"], ["nothing"]))
    for key, value in outputs.items():
        constants.append(numpy_helper.from_array(value, f"{key}_value"))
        kind = TensorProto.INT64 if value.dtype == np.int64 else TensorProto.FLOAT
        ends.append(helper.make_tensor_value_info(key, kind, value.shape))
        start = "Identity" if kind == TensorProto.INT64 else "Add"
        inputs = [f"{key}_value"] if kind == TensorProto.INT64 else [f"{key}_value", "nothing"]
        nodes.append(helper.make_node(start, inputs, [key]))
    graph = helper.make_graph(nodes, name, [image], ends, constants)
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), HERE / f"{name}.onnx")


def yolox():
    """Return 64 + 16 + 4 rows; the cell in row 2, column 3 of the grid of 16 px is a "lamp"."""
    rows = np.zeros((1, 84, 7), np.float32)
    rows[0, 64 + 2 * 4 + 3] = 0.5, 0.5, np.log(1.5), np.log(1.0), 0.9, 0.1, 0.9
    return {"output": rows}


def ssd():
    """Return two boxes in pixels, their scores, and their numbers: 1 is a "lamp"."""
    return {
        "boxes": np.float32([[16, 32, 48, 64], [0, 0, 64, 64]]),
        "scores": np.float32([0.8, 0.2]),
        "labels": np.int64([1, 0]),
    }


save("yolox", yolox())
save("ssd", ssd())
save("other", {"text": np.zeros((1, 5), np.float32)})
