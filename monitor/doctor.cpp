#include "monitor/doctor.hpp"

#include <iterator>

#include "monitor/doctor_probes.hpp"

namespace ringpress {

std::vector<Finding> examine_host() {
    std::vector<Finding> findings = {
        probe_compat_mode(),     probe_modify_ldt(),       probe_low_memory(),     probe_mapping_limit(),
        probe_memfd(),           probe_seccomp(),          probe_ptrace(),         probe_pidfd(),
        probe_user_namespaces(), probe_syscall_dispatch(), probe_cpuid_faulting(), probe_tsc_faulting(),
        probe_fsgsbase(),
    };
    for (auto* group : {probe_umip, measure_costs}) {
        std::vector<Finding> more = group();
        findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
    }
    return findings;
}

}  // namespace ringpress
