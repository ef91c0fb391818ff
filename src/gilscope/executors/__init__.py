"""Who runs the chunks: one contract, one file per executor."""
