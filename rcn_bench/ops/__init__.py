"""Operators of rcn_bench."""

from rcn_bench.ops.recurrent_scan import MODES, Mode, recurrent_scan, recurrent_step, scan_macs

__all__ = ["MODES", "Mode", "recurrent_scan", "recurrent_step", "scan_macs"]
