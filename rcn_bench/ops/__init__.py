"""Operators of rcn_bench."""

from rcn_bench.ops.recurrent_scan import MODES, Mode, input_scale, recurrent_scan, recurrent_step, scan_macs

__all__ = ["MODES", "Mode", "input_scale", "recurrent_scan", "recurrent_step", "scan_macs"]
