"""Detection heads in numpy, from the definitions of the original projects: an independent second opinion on
engine/vision. All take one frame's outputs and give rows x0, y0, x1, y1, score, class in frame pixels.
"""
import numpy as np

SCORE_THRESHOLD = 0.25
IOU_THRESHOLD = 0.45


def _centred(cx, cy, w, h):
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], -1)


def yolox(output, frame_size, input_size):
    """output [1,N,85]: the grids of stride 8, 16 and 32 one after the other."""
    rows = output[0].astype(np.float64)
    cells, strides = [], []
    for stride in (8, 16, 32):
        gy, gx = np.mgrid[0 : input_size[1] // stride, 0 : input_size[0] // stride]
        cells.append(np.stack([gx.ravel(), gy.ravel()], -1))
        strides.append(np.full(gx.size, stride))
    cells, strides = np.concatenate(cells), np.concatenate(strides)[:, None]
    centre, size = (rows[:, :2] + cells) * strides, np.exp(rows[:, 2:4]) * strides
    scores = rows[:, 4:5] * rows[:, 5:]
    best = scores.argmax(1)
    ratio = min(input_size[0] / frame_size[0], input_size[1] / frame_size[1])
    boxes = _centred(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1]) / ratio
    return np.concatenate([boxes, scores.max(1)[:, None], best[:, None]], 1)


def fastestdet(output, frame_size, _input_size):
    """output [1,85,H,W]: objectness, x, y, w, h, 80 classes."""
    grid = output[0].astype(np.float64)
    height, width = grid.shape[1:]
    gy, gx = np.mgrid[0:height, 0:width]
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    boxes = _centred((gx + np.tanh(grid[1])) / width, (gy + np.tanh(grid[2])) / height, sigmoid(grid[3]), sigmoid(grid[4]))
    boxes = boxes * np.array([*frame_size, *frame_size])
    scores = grid[0] ** 0.6 * grid[5:].max(0) ** 0.4
    return np.concatenate([boxes.reshape(-1, 4), scores.reshape(-1, 1), grid[5:].argmax(0).reshape(-1, 1)], 1)


def centernet(detections, frame_size, input_size):
    """detections [1,100,6]: the network's own decoding."""
    rows = detections[0].astype(np.float64).copy()
    rows[:, [0, 2]] *= frame_size[0] / input_size[0]
    rows[:, [1, 3]] *= frame_size[1] / input_size[1]
    return rows


def iou(box, boxes):
    w = np.clip(np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0]), 0, None)
    h = np.clip(np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1]), 0, None)
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return w * h / (area(box) + area(boxes) - w * h)


def suppress(rows, frame_size):
    """Class-aware greedy NMS on whole boxes, as the original projects do; what is left is clipped to the frame, and
    boxes wholly outside it are dropped beforehand. Also gives how close the nearest decision was.
    """
    visible = (rows[:, 2] > 0) & (rows[:, 0] < frame_size[0]) & (rows[:, 3] > 0) & (rows[:, 1] < frame_size[1])
    rows = rows[visible & (rows[:, 2] > rows[:, 0]) & (rows[:, 3] > rows[:, 1])]
    margin = np.abs(rows[:, 4] - SCORE_THRESHOLD).min(initial=1)
    rows = rows[rows[:, 4] > SCORE_THRESHOLD]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept = []
    while len(rows):
        best, rows = rows[0], rows[1:]
        kept.append(best)
        overlap = np.where(rows[:, 5] == best[5], iou(best, rows), 0)
        margin = min(margin, np.abs(overlap - IOU_THRESHOLD).min(initial=1))
        rows = rows[overlap <= IOU_THRESHOLD]
    kept = np.array(kept).reshape(-1, 6)
    kept[:, [0, 2]] = np.clip(kept[:, [0, 2]], 0, frame_size[0])
    kept[:, [1, 3]] = np.clip(kept[:, [1, 3]], 0, frame_size[1])
    return kept, margin
