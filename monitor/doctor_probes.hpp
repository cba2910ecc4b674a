// The doctor's probes, one function per row or group of rows of its table.
#pragma once

#include "monitor/doctor.hpp"

namespace ringpress {

// How the processor lets 32-bit code run and be caught: doctor_cpu.cpp.
Finding probe_compat_mode();
Finding probe_modify_ldt();
Finding probe_cpuid_faulting();
Finding probe_tsc_faulting();
Finding probe_fsgsbase();
std::vector<Finding> probe_umip();

// What the kernel grants to processes: doctor_kernel.cpp.
Finding probe_low_memory();
Finding probe_mapping_limit();
Finding probe_seccomp();
Finding probe_syscall_dispatch();
Finding probe_ptrace();
Finding probe_user_namespaces();
Finding probe_memfd();
Finding probe_pidfd();

// What trapping costs: doctor_costs.cpp.
std::vector<Finding> measure_costs();

}  // namespace ringpress
