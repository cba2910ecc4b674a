// Processes in a ring of pipes, a token going round.
#pragma once

/// 2 to 512 processes, the caller among them, each with so much (at most 64) to read when its turn comes.
void ring_start(unsigned count, unsigned kilobytes);
void ring_go_round(unsigned long times);
/// Ends them, and want()s that they did end well.
void ring_stop(void);
