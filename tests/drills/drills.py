"""All drills, in the order of docs/reliability.md."""

import bad_cameras  # noqa: F401
import bad_outputs  # noqa: F401
import damaged_models  # noqa: F401
import few_resources  # noqa: F401
import history_files  # noqa: F401
import kills  # noqa: F401
import state_folders  # noqa: F401
import wrong_clocks  # noqa: F401
