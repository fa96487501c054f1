"""Exact rewrites of ONNX models for engines that do not take a network as it was published.

A peer that stumbles over one way to write a network is given the same arithmetic in another way, so that it is
measured on as many networks as possible. The caller checks each rewritten model against the published one.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper


def _constants(model):
    return {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}


def _attributes(node):
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def plain_prelu(model):
    """PRelu(x, Expand(slope, shape)) -> PRelu(x, slope [C, 1, 1]): OpenCV fuses slopes only where there is one a
    channel."""
    constants = _constants(model)
    expand = {n.output[0]: n for n in model.graph.node if n.op_type == "Expand" and n.input[0] in constants}
    changed = False
    for node in model.graph.node:
        if node.op_type != "PRelu" or node.input[1] not in expand:
            continue
        slope = constants[expand[node.input[1]].input[0]]
        if slope.ndim != 4 or slope.shape != (1, slope.shape[1], 1, 1):
            continue
        name = node.input[1] + "_by_channel"
        model.graph.initializer.append(numpy_helper.from_array(slope[0], name))
        node.input[1] = name
        changed = True
    if changed:
        used = {i for n in model.graph.node for i in n.input}
        for node in [n for n in expand.values() if n.output[0] not in used]:
            model.graph.node.remove(node)
    return changed


def newer_upsample(model):
    """Upsample (deprecated since opset 10) -> Resize: OpenCV takes mode=linear of Resize alone."""
    nodes = model.graph.node
    if model.opset_import[0].version > 10 or not any(n.op_type == "Upsample" for n in nodes):
        return False
    for node in nodes:
        attributes = _attributes(node)
        if node.op_type == "Upsample":
            node.op_type = "Resize"
            scales = node.input.pop()
            node.input.extend([node.output[0] + "_roi", scales])
            model.graph.initializer.append(numpy_helper.from_array(np.zeros(0, np.float32), node.input[1]))
            node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
            if attributes["mode"] == b"nearest":
                node.attribute.append(helper.make_attribute("nearest_mode", "floor"))
        elif node.op_type == "Clip":  # its bounds became inputs
            del node.attribute[:]
            for key in ("min", "max"):
                name = f"{node.output[0]}_{key}" if key in attributes else ""
                node.input.append(name)
                if name:
                    model.graph.initializer.append(numpy_helper.from_array(np.float32(attributes[key]), name))
    model.opset_import[0].version = 11
    return True


def plain_constants(model):
    """ConstantOfShape of a constant shape -> a constant: OpenCV 5 refuses it."""
    constants = _constants(model)
    nodes = [n for n in model.graph.node if n.op_type == "ConstantOfShape" and n.input[0] in constants]
    for node in nodes:
        value = _attributes(node).get("value")
        fill = numpy_helper.to_array(value) if value is not None else np.zeros(1, np.float32)
        array = np.full(constants[node.input[0]], fill.item(), fill.dtype)
        model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
        model.graph.node.remove(node)
    return bool(nodes)


def plain_transposed(model):
    """ConvTranspose without output_shape where no padding follows from it: OpenCV 5 computes another size."""
    inferred = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
                for v in onnx.shape_inference.infer_shapes(model).graph.value_info}
    changed = False
    for node in model.graph.node:
        attributes = _attributes(node)
        if node.op_type != "ConvTranspose" or "output_shape" not in attributes or not inferred.get(node.input[0]):
            continue
        shape = inferred[node.input[0]]
        natural = [s * (i - 1) + k for s, i, k in zip(attributes["strides"], shape[2:], attributes["kernel_shape"])]
        if natural == attributes["output_shape"][-2:]:
            node.attribute.remove(next(a for a in node.attribute if a.name == "output_shape"))
            changed = True
    return changed


def plain_focus(model):
    """Four strided slices, Concat, 3x3 Conv (YOLOX's Focus stem) -> one 6x6 Conv of stride 2 on the picture: ncnn
    has no slices with steps."""
    constants = _constants(model)
    makers = {o: n for n in model.graph.node for o in n.output}

    def offsets(name):
        """(source, (y, x)) of a chain of Slices with step 2 along height and width."""
        found = {}
        while name in makers and makers[name].op_type == "Slice":
            inputs = [constants.get(i) for i in makers[name].input[1:5]]
            if len(inputs) < 4 or any(i is None or i.size != 1 for i in inputs) or int(inputs[3].item()) != 2:
                return None
            found[int(inputs[2].item())] = int(inputs[0].item())
            name = makers[name].input[0]
        return (name, (found[2], found[3])) if sorted(found) == [2, 3] else None

    for conv in [n for n in model.graph.node if n.op_type == "Conv"]:
        concat = makers.get(conv.input[0])
        if concat is None or concat.op_type != "Concat" or len(concat.input) != 4:
            continue
        parts = [offsets(name) for name in concat.input]
        attributes = _attributes(conv)
        if (None in parts or len({p[0] for p in parts}) != 1 or sorted(p[1] for p in parts) != [(0, 0), (0, 1), (1, 0), (1, 1)]
                or attributes["kernel_shape"] != [3, 3] or attributes["pads"] != [1] * 4):
            continue
        old = constants[conv.input[1]]
        channels = old.shape[1] // 4
        new = np.zeros((old.shape[0], channels, 6, 6), np.float32)
        for i, (_, (y, x)) in enumerate(parts):
            new[:, :, y::2, x::2] = old[:, i * channels:(i + 1) * channels]
        model.graph.initializer.append(numpy_helper.from_array(new, conv.input[1] + "_unfolded"))
        conv.input[0], conv.input[1] = parts[0][0], conv.input[1] + "_unfolded"
        del conv.attribute[:]
        conv.attribute.extend(helper.make_attribute(k, v) for k, v in
                              {"kernel_shape": [6, 6], "strides": [2, 2], "pads": [2] * 4, "group": 1}.items())
        _prune(model)
        return True
    return False


def _prune(model):
    """Drops nodes whose results nobody uses."""
    while True:
        used = {i for n in model.graph.node for i in n.input} | {o.name for o in model.graph.output}
        unused = [n for n in model.graph.node if not any(o in used for o in n.output)]
        if not unused:
            return
        for node in unused:
            model.graph.node.remove(node)


def half_pixel_resize(path, out):
    """Not exact: linear Resize in the half-pixel convention, the only one that ncnn has besides align_corners. The
    work is the same, the results are those of a slightly different network. False (and no file) where there is none."""
    model = onnx.load(path)
    changed = False
    for node in model.graph.node:
        for attribute in node.attribute if node.op_type == "Resize" and _attributes(node)["mode"] == b"linear" else ():
            if attribute.name == "coordinate_transformation_mode" and attribute.s == b"asymmetric":
                attribute.s = b"half_pixel"
                changed = True
    if changed:
        onnx.save(model, out)
    return changed


def rewrite(path, out):
    """Applies what fits, saves to `out` and returns the names of the rewrites; empty (and no file) for none."""
    model = onnx.load(path)
    done = [f.__name__ for f in (newer_upsample, plain_constants, plain_prelu, plain_transposed, plain_focus) if f(model)]
    if done:
        onnx.checker.check_model(model)
        onnx.save(model, out)
    return done
