"""What an experiment consists of: config, runs, products, paths, the plan of its jobs. Light: no torch, no pandas."""
