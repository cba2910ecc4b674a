// The strings that a process was started with: its command line and its environment.
#pragma once

namespace ringpress {

/// Overwrites them with zeroes, in this process only: a forked one that may come under foreign control shall
/// not hold what the user's shell had in its environment.  After it there are no environment variables.
/// Copies made elsewhere stay.  Best effort: does nothing if /proc does not say where they are.
void wipe_inherited_strings();

}  // namespace ringpress
