// People use the console in Chromium. Run by tests/sdk/run.sh.

import "./entry.mjs";
import "./keyboard.mjs";
import "./attacks.mjs";
import "./hostile.mjs";
import "./live.mjs";
import "./setup.mjs";
import "./rules.mjs";
import "./runs.mjs";
import "./people.mjs";
import "./admins.mjs";
import "./no_script.mjs";
import "./every_page.mjs";
