"""Camera adapters: one FrameSource each."""
