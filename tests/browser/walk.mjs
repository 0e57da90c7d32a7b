// People use the console in Chromium. Run by tests/sdk/run.sh.

import "./entry.mjs";
import "./every_page.mjs";
