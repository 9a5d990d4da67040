"""The kernels compile for GPUs that are not here, as they are called, and fit on them."""

import re

import pytest

triton = pytest.importorskip("triton", minversion="3.6")
from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

from rcn_bench.ops import triton_scan, triton_steps  # noqa: E402

A100, H100 = 80, 90
SHARED_KIB = {A100: 163, H100: 227}
TILES = [(width, rows, tile) for width, tiles in triton_scan.TILES.items() for rows, tile in tiles.items()]
SCAN, ENDS, STEP = triton_scan._scan_kernel, triton_scan._ends_kernel, triton_steps._step_kernel


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


def compiled(kernel, capability, constants, warps, registers=None, w="*fp32"):
    """For tensors in bfloat16, on multiples of 16 bytes as torch's are; w_hh lies turned round for a forward scan."""
    one = "w_column_stride" if constants.get("backwards") or (w == "*bf16" and kernel is not STEP) else "w_row_stride"
    constants = {one: 1, **constants}
    kinds = {name: kind_of(name, w) for name in kernel.arg_names}
    signature = {name: "constexpr" if name in constants else kind for name, kind in kinds.items()}
    by_16 = [name for name in kinds if name.endswith(("pointer", "w_row_stride", "w_column_stride")) and name != one]
    aligned = [i for i, name in enumerate(kernel.arg_names) if name in by_16]
    attributes = {(i,): [["tt.divisibility", 16]] for i in aligned}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=attributes)
    options = {"num_warps": warps, "maxnreg": registers}
    program = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    assert program.metadata.shared <= SHARED_KIB[capability] << 10
    return program


def kind_of(argument, w):
    if argument.endswith("pointer"):
        return w if argument == "w_pointer" else "*bf16"
    return "fp32" if argument.endswith("scale") else "i32"


def of_a_tile(width, rows, tile, **more):
    return {"channels": width, "padded": width, "rows_each": rows, "ahead": tile.ahead, "backwards": False, **more}


@pytest.mark.parametrize(("width", "rows", "tile"), TILES)
def test_a_scan_keeps_w_in_registers_on_an_h100(width, rows, tile):
    program = compiled(SCAN, H100, of_a_tile(width, rows, tile, chunked=False), tile.warps, tile.registers)
    loop = program.asm["ttgir"].partition("scf.while")[2].splitlines()
    products = [line for line in loop if re.search(r"= (tt\.dot|ttng\.warp_group_dot) ", line)]
    assert len(products) == tile.ahead
    for line in products:
        assert re.search(rf": tensor<{width}x{width}xbf16, #ttg.dot_op<{{opIdx = 0", line)
    assert not [line for line in loop if "local_load" in line and f"tensor<{width}x{width}x" in line]


@pytest.mark.parametrize("width", triton_scan.TILES)
def test_all_it_is_called_with_compiles_on_an_a100_too(width):
    rows, tile = max(triton_scan.TILES[width].items())
    for backwards, chunked, w in ((False, True, "*fp32"), (True, False, "*fp32"), (False, False, "*bf16")):
        constants = of_a_tile(width, rows, tile) | {"backwards": backwards, "chunked": chunked}
        compiled(SCAN, A100, constants, tile.warps, tile.registers, w)
    compiled(ENDS, A100, of_a_tile(width, rows, tile, chunk=16), tile.warps, tile.registers)


@pytest.mark.parametrize("width", triton_scan.TILES)
def test_ends_of_chunks_compile_on_an_h100(width):
    rows, tile = min(triton_scan.TILES[width].items())
    constants = of_a_tile(width, rows, tile, chunk=16) | {"channels": width - 24, "backwards": True}
    compiled(ENDS, H100, constants, tile.warps, tile.registers)


@pytest.mark.parametrize("rows", triton_steps.ROWS_EACH)
@pytest.mark.parametrize("first", [False, True])
def test_a_step_that_overlaps_compiles_on_an_h100(rows, first):
    constants = {"channels": 512, "padded": 512, "channels_each": triton_steps.CHANNELS_EACH, "rows_each": rows}
    program = compiled(STEP, H100, constants | {"first": first, "overlaps": not first}, triton_steps.WARPS, w="*bf16")
    assert ("griddepcontrol.wait" in program.asm["ptx"]) is not first
