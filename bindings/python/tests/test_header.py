"""The headers and what ctypes declares: the same functions, argument types, sizes, offsets and enumeration values."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pycparser import c_ast, c_parser

from swiftrnn import _c as c
from swiftrnn._c import (
    around_functions,
    functions as c_functions,
    model_functions,
    tensor_functions,
    trainer_functions,
)
from swiftrnn.errors import Status

INCLUDE = Path(__file__).resolve().parents[3] / "include"
HEADER = INCLUDE / "swiftrnn.h"
HEADERS = (HEADER, INCLUDE / "swiftrnn_models.h")
SYSTEM = (
    "typedef unsigned char uint8_t; typedef signed int int32_t; typedef unsigned int uint32_t; "
    "typedef signed long int64_t; typedef unsigned long uint64_t;\n"
)

STRUCTS = {
    "swiftrnn_config": c.Config,
    "swiftrnn_named_size": c.NamedSize,
    "swiftrnn_input_info": c.InputInfo,
    "swiftrnn_parameter_info": c.ParameterInfo,
    "swiftrnn_state_info": c.StateInfo,
    "swiftrnn_state_part": c.StatePart,
    "swiftrnn_forward_args": c.ForwardArgs,
    "swiftrnn_backward_args": c.BackwardArgs,
    "swiftrnn_forest_forward_args": c.ForestForwardArgs,
    "swiftrnn_forest_backward_args": c.ForestBackwardArgs,
    "swiftrnn_initializer": c.Initializer,
    "swiftrnn_adam_config": c.AdamConfig,
    "swiftrnn_sample_config": c.SampleConfig,
    "swiftrnn_rmsprop_config": c.RMSpropConfig,
    "swiftrnn_cross_entropy_options": c.CrossEntropyOptions,
    "swiftrnn_linear_cross_entropy_args": c.LinearCrossEntropyArgs,
    "swiftrnn_elementwise_loss_config": c.ElementwiseLossConfig,
    "swiftrnn_dropout_config": c.DropoutConfig,
    "swiftrnn_pool_config": c.PoolConfig,
    "swiftrnn_pool_args": c.PoolArgs,
    "swiftrnn_pool_backward_args": c.PoolBackwardArgs,
    "swiftrnn_attention_config": c.AttentionConfig,
    "swiftrnn_attention_args": c.AttentionArgs,
    "swiftrnn_attention_backward_args": c.AttentionBackwardArgs,
    "swiftrnn_vocabulary_config": c.VocabularyConfig,
    "swiftrnn_model_parameter_info": c.ModelParameterInfo,
    "swiftrnn_model_batch": c.ModelBatch,
    "swiftrnn_model_loss_options": c.ModelLossOptions,
    "swiftrnn_generation_options": c.GenerationOptions,
    "swiftrnn_trainer_result": c.TrainerResult,
    "swiftrnn_tensor_info": c.TensorInfo,
}
OPAQUE = {
    "swiftrnn_network": c.Network, "swiftrnn_equations": c.Equations, "swiftrnn_weights": c.Weights,
    "swiftrnn_stream": c.Stream, "swiftrnn_forest": c.Forest, "swiftrnn_vocabulary": c.Vocabulary,
    "swiftrnn_text_stream": c.TextStream, "swiftrnn_model": c.Model, "swiftrnn_model_state": c.ModelState,
    "swiftrnn_inspection": c.Inspection, "swiftrnn_trainer": c.Trainer,
    "swiftrnn_tensors": c.Tensors,
}  # fmt: skip
ENUMERATIONS = (
    "swiftrnn_status", "swiftrnn_dtype", "swiftrnn_cell", "swiftrnn_workspace", "swiftrnn_distribution",
    "swiftrnn_forget_gate", "swiftrnn_skip", "swiftrnn_merge", "swiftrnn_gaps", "swiftrnn_reduction", "swiftrnn_loss",
    "swiftrnn_pool_kind", "swiftrnn_attention_kind", "swiftrnn_tokens", "swiftrnn_special", "swiftrnn_vocabulary_role",
)  # fmt: skip
NUMBERS = {
    "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "double": ctypes.c_double,
    "char": ctypes.c_char, "uint8_t": ctypes.c_uint8,
}  # fmt: skip


@pytest.fixture(scope="module")
def tree() -> Any:
    text = re.sub(r"^#include.*$", "", "\n".join(map(Path.read_text, HEADERS)), flags=re.MULTILINE)
    plain = subprocess.run(["cc", "-E", "-P", "-"], input=text, capture_output=True, text=True, check=True).stdout
    return c_parser.CParser().parse(SYSTEM + plain)


def as_ctypes(node: Any, *, result: bool = False) -> Any:
    """The ctypes type that a C declaration must have."""
    if isinstance(node, c_ast.TypeDecl):
        name = " ".join(node.type.names)
        if name in ENUMERATIONS:
            return c.status if result and name == "swiftrnn_status" else ctypes.c_int
        if name == "void":
            return None
        return {**NUMBERS, **STRUCTS, **OPAQUE}[name]
    if isinstance(node, c_ast.ArrayDecl):
        return as_ctypes(node.type) * int(node.dim.value)
    assert isinstance(node, c_ast.PtrDecl)
    target = as_ctypes(node.type)
    if target is None:
        return ctypes.c_void_p
    if target is ctypes.c_char:
        return ctypes.c_char_p
    return ctypes.POINTER(target)


def functions(tree: Any) -> dict[str, tuple[Any, tuple[Any, ...]]]:
    found = {}
    for node in tree.ext:
        if isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
            parameters = node.type.args.params if node.type.args else []
            arguments = [p for p in parameters if as_ctypes(p.type) is not None]  # (void) has none
            found[node.name] = (
                as_ctypes(node.type.type, result=True), tuple(as_ctypes(p.type) for p in arguments)
            )  # fmt: skip
    return found


def declared() -> dict[str, Any]:
    return {
        value.__name__: value for value in vars(c).values() if isinstance(value, c.library._FuncPtr)
    }  # fmt: skip


def test_the_same_functions_with_the_same_types(tree: Any) -> None:
    header, ours = functions(tree), declared()
    assert len(header) >= 100
    assert sorted(header) == sorted(ours)
    for name, (result, arguments) in header.items():
        assert ours[name].restype is result, name
        assert tuple(ours[name].argtypes) == arguments, name
        assert (ours[name].errcheck is c_functions._check) == (result is c.status), name if result is c.status else ""


def test_the_direct_functions_take_as_many_addresses_and_numbers(tree: Any) -> None:
    header, direct = functions(tree), [value for value in vars(c.direct).values() if hasattr(value, "argtypes")]
    assert len(direct) == 3
    for function in direct:
        _, arguments = header[function.__name__]
        plain = tuple(argument if argument is ctypes.c_int64 else ctypes.c_void_p for argument in arguments)
        assert tuple(function.argtypes) == plain and function.restype is ctypes.c_int, function.__name__
        assert function is not getattr(c.library, function.__name__), "the checked one keeps its types"


def test_the_prototypes_in_the_comments_are_the_headers() -> None:
    def prototypes(text: str) -> set[str]:
        joined = re.sub(r"\s+", " ", text)
        pattern = r"(?:const char \*|void |int64_t |swiftrnn_status )swiftrnn_\w+\([^;{}]*\);"
        return {re.sub(r"\s", "", found) for found in re.findall(pattern, joined)}

    header = re.sub(r"/\*.*?\*/", "", "\n".join(map(Path.read_text, HEADERS)), flags=re.DOTALL)
    modules = (c_functions, around_functions, model_functions, tensor_functions, trainer_functions)
    source = "\n".join(Path(module.__file__).read_text() for module in modules)
    comments = "\n".join(line.lstrip("# ") for line in source.splitlines() if line.startswith("#"))
    assert prototypes(header) == prototypes(comments)
    assert len(prototypes(header)) == len(declared())
    for name in declared():  # each stands right above its declaration
        assert re.search(rf"{name}\([^;]*;\n\w+ = _declare\(\s*\"{name}\"", re.sub(r"\n# +", " ", source)), name


def test_the_same_structs(tree: Any) -> None:
    found = {}
    for node in tree.ext:
        if isinstance(node, c_ast.Typedef) and isinstance(node.type.type, c_ast.Struct):
            members = node.type.type.decls
            found[node.name] = None if members is None else [(m.name, as_ctypes(m.type)) for m in members]
    assert {name for name, members in found.items() if members is not None} == set(STRUCTS)
    assert {name for name, members in found.items() if members is None} == set(OPAQUE)
    for name, struct in STRUCTS.items():
        assert [tuple(field) for field in struct._fields_] == found[name], name


def test_the_same_sizes_and_offsets_as_the_c_compiler(tmp_path: Path) -> None:
    lines = []
    for name, struct in STRUCTS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        lines += [f'printf("{name}.{field[0]} %zu\\n", offsetof({name}, {field[0]}));' for field in struct._fields_]
    lines += [f'printf("{name} %zu\\n", sizeof({name}));' for name in ENUMERATIONS]
    source = tmp_path / "offsets.c"
    begin = '#include <stdio.h>\n#include "swiftrnn_models.h"\nint main(void) {\n'
    source.write_text(begin + "\n".join(lines) + "\n}\n")
    program = tmp_path / "offsets"
    subprocess.run(["cc", "-std=c11", f"-I{HEADER.parent}", str(source), "-o", str(program)], check=True)
    output = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    compiled = {name: int(value) for name, value in (line.split() for line in output.splitlines())}
    expected = {name: ctypes.sizeof(ctypes.c_int) for name in ENUMERATIONS}
    for name, struct in STRUCTS.items():
        expected[name] = ctypes.sizeof(struct)
        expected.update({f"{name}.{field[0]}": getattr(struct, field[0]).offset for field in struct._fields_})
    assert compiled == expected


def test_the_same_enumeration_values(tree: Any) -> None:
    header = {}
    for node in tree.ext:
        if isinstance(node, c_ast.Typedef) and isinstance(node.type.type, c_ast.Enum):
            assert node.name in ENUMERATIONS
            for enumerator in node.type.type.values.enumerators:
                header[enumerator.name] = int(enumerator.value.value)
    ours = {f"SWIFTRNN_STATUS_{status.name}": status.value for status in Status}
    for name in (
        "FLOAT32", "FLOAT64", "RNN_TANH", "RNN_RELU", "LSTM", "GRU", "GRU_RESET_BEFORE", "EQUATIONS",
        "WORKSPACE_FORWARD", "WORKSPACE_FORWARD_WEIGHTS", "WORKSPACE_BACKWARD",
        *(name for name in vars(c) if name.startswith(("DISTRIBUTION_", "FORGET_GATE_", "SKIP_", "MERGE_", "GAPS_"))),
        *(name for name in vars(c) if name.startswith(("REDUCTION_", "LOSS_", "POOL_", "ATTENTION_"))),
        *(name for name in vars(c) if name.startswith(("TOKENS_", "SPECIAL_", "VOCABULARY_"))),
    ):  # fmt: skip
        ours[f"SWIFTRNN_{name}"] = getattr(c, name)
    assert header == ours


def test_the_version() -> None:
    import swiftrnn

    numbers = re.findall(r"#define SWIFTRNN_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", HEADER.read_text())
    assert c.version().decode() == ".".join(numbers) == swiftrnn.__version__


def test_the_status_names() -> None:
    names = {status: c.status_string(status).decode() for status in Status}
    assert len(set(names.values())) == len(Status)
    assert names[Status.INVALID_SIZE] == "invalid size"
    assert c.status_string(77).decode() == "unknown status"
