"""The other files in which an ONNX network keeps tensors: seen from its bytes, before anything opens them.

The runtime would look for such files in the folder one stands in, and the hash of the network says nothing about them:
they are found beside it here, hashed along with it, and handed over as bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DATA, _EXTERNAL = 13, 14
"""TensorProto.external_data, pairs of key and value, and .data_location; 1 is EXTERNAL."""

_Kinds = Mapping[int, str]
_INSIDE: Mapping[str, _Kinds] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
}
"""Which fields of a message of onnx.proto hold messages that may lead to tensors."""
_DEEPEST = 200


def external_files(model: bytes) -> list[str]:
    """The names of the files in which tensors of the network lie, sorted; none for bytes that are no network at all.

    A tensor that says it lies elsewhere and not where gives an empty name.
    """
    try:
        return sorted(set(_names_inside(memoryview(model), "model", 0)))
    except (IndexError, ValueError):
        return []


def _names_inside(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    if kind == "tensor":
        yield from _file_of_tensor(message)
        return
    inside = _INSIDE.get(kind, {})
    for field, value in _read_fields(message):
        if field in inside and isinstance(value, memoryview):
            yield from _names_inside(value, inside[field], depth + 1)


def _file_of_tensor(tensor: memoryview) -> Iterator[str]:
    """The file of a tensor that has one."""
    names, is_external = [], False
    for field, value in _read_fields(tensor):
        if field == _EXTERNAL and value == 1:
            is_external = True
        elif field == _DATA and isinstance(value, memoryview):
            is_external = True
            pair = {number: bytes(text) for number, text in _read_fields(value) if isinstance(text, memoryview)}
            if pair.get(1) == b"location":
                names.append(pair.get(2, b"").decode("utf-8", "replace"))
    if is_external:
        yield from names or [""]


def _read_fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a protobuf message in order: numbers as int, everything with a length as its bytes."""
    offset = 0
    while offset < len(message):
        tag, offset = _read_varint(message, offset)
        kind = tag & 7
        if kind == _VARINT:
            value, offset = _read_varint(message, offset)
            yield tag >> 3, value
        elif kind == _BYTES:
            length, offset = _read_varint(message, offset)
            if offset + length > len(message):
                raise ValueError("cut short")
            yield tag >> 3, message[offset : offset + length]
            offset += length
        elif kind in {_FIXED32, _FIXED64}:
            offset += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("no protobuf")


def _read_varint(message: memoryview, offset: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[offset]
        number |= (byte & 0x7F) << shift
        offset, shift = offset + 1, shift + 7
        if byte < 0x80:
            return number, offset
        if shift > 63:
            raise ValueError("no number")
