"""Videos to batches: annotations, decoding, cache, clip sampling, transforms, and the embedded data set."""
