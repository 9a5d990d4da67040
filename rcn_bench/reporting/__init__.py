"""Tables and figures, assembled from the result files alone."""
