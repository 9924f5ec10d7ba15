"""From `tinyts` to `tinyrt`, from `tinyrt` to C, and from `tinyts` to `.tflite`."""
