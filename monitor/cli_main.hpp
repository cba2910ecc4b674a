// The command line of ringpress: which command, and what becomes of its errors.
#pragma once

namespace ringpress {

/// Runs the command that the arguments name; returns the exit status.  Never throws: an error of the user's
/// or the host's becomes one line on standard error and status 2.
int cli_main(int argc, char** argv);

}  // namespace ringpress
