# Every guest: its name, its sources, and how it is run.  Columns that are left out:
#   LEVELS trap inline     the --sensitive levels
#   STATUS 1               the exit status: isa-debug-exit's (0 << 1) | 1
#   QEMU_STATUS            the same as STATUS; NO_QEMU "reason" where QEMU TCG is known to be wrong
#   TIMEOUT 30             seconds
# GROUPS become CTest labels: ctest -L paging.

guest_test(hello            SOURCES basics/hello.c              GROUPS basics LEVELS ignore trap inline)
guest_test(demo             TARGET demo_kernel                  GROUPS basics STATUS 0)
guest_test(ring0            TARGET ring0_kernel                 GROUPS basics STATUS 0)
guest_test(flags            SOURCES instructions/flags.c        GROUPS instructions)
guest_test(exceptions       SOURCES exceptions/vectors.c        GROUPS exceptions)
guest_test(paging_bits      SOURCES paging/accessed_dirty.c     GROUPS paging)
guest_test(timer            SOURCES interrupts/timer.c          GROUPS interrupts)
guest_test(user_mode        SOURCES user/system_call.c          GROUPS user)
guest_test(own_page         SOURCES user/own_page.c             GROUPS user)
guest_test(own_page_direct  TARGET guest_own_page               GROUPS user RINGPRESS_ARGS --user-code direct)
guest_test(computing        SOURCES user/computing.c            GROUPS user HIGH_HALF)
guest_test(behind_calls     SOURCES user/behind_calls.c         GROUPS user HIGH_HALF)
guest_test(behind_calls_software TARGET guest_behind_calls      GROUPS user RINGPRESS_ARGS --tune tails=0)
guest_test(segment_loads    SOURCES instructions/segment_loads.c   GROUPS instructions)
guest_test(segment_reads    SOURCES instructions/segment_reads.c   GROUPS instructions)
guest_test(segment_queries  SOURCES instructions/segment_queries.c GROUPS instructions)
guest_test(tables           SOURCES instructions/tables.c          GROUPS instructions)
guest_test(control          SOURCES instructions/control.c         GROUPS instructions)
guest_test(model            SOURCES instructions/model.c           GROUPS instructions)
guest_test(strict           SOURCES instructions/strict.c          GROUPS instructions
           NO_QEMU "TCG: unknown MSRs read 0, ltr 0, any CR0 and CR4 pass, sysenter ignores CPUID, int1 is #UD, RPL of gates")
guest_test(io               SOURCES instructions/io.c              GROUPS instructions)
guest_test(io_permissions   SOURCES instructions/io_permissions.c  GROUPS instructions)
guest_test(gates            SOURCES instructions/gates.c           GROUPS instructions)
guest_test(iret             SOURCES instructions/iret.c            GROUPS instructions)
guest_test(transfers        SOURCES instructions/transfers.c       GROUPS instructions)

guest_test(page_faults      SOURCES paging/page_faults.c        GROUPS paging)
guest_test(large_pages      SOURCES paging/large_pages.c        GROUPS paging)
guest_test(invalidation     SOURCES paging/invalidation.c       GROUPS paging)
guest_test(operand_faults   SOURCES paging/operand_faults.c     GROUPS paging)
guest_test(paging_strict    SOURCES paging/strict.c             GROUPS paging
           NO_QEMU "TCG reports read-modify-write as reads, and stack accesses of far transfers as supervisor ones")
guest_test(protection_low   SOURCES paging/protection.c         GROUPS paging)
guest_test(protection_high  SOURCES paging/protection.c         GROUPS paging HIGH_HALF)
guest_test(address_spaces_low  SOURCES paging/address_spaces.c  GROUPS paging)
guest_test(address_spaces_high SOURCES paging/address_spaces.c  GROUPS paging HIGH_HALF)
guest_test(working_sets_low    SOURCES paging/working_sets.c    GROUPS paging)
guest_test(working_sets_high   SOURCES paging/working_sets.c    GROUPS paging HIGH_HALF)
guest_test(low_memory       SOURCES paging/low_memory.c         GROUPS paging)
guest_test(low_memory_floor SOURCES paging/low_memory.c         GROUPS paging RINGPRESS_ARGS --low-memory-floor 65536)
guest_test(fpu_memory       SOURCES paging/fpu_memory.c         GROUPS paging)
guest_test(fpu_memory_floor SOURCES paging/fpu_memory.c         GROUPS paging RINGPRESS_ARGS --low-memory-floor 65536)
guest_test(fpu_memory_strict SOURCES paging/fpu_memory_strict.c GROUPS paging
           NO_QEMU "QEMU reads absent memory, and SSE words of the APIC, as zeros; TCG has no #MF at stores and no #XM")

guest_test(self_modifying   SOURCES code/self_modifying.c       GROUPS code)
guest_test(boundaries       SOURCES code/boundaries.c           GROUPS code)
guest_test(skipped          SOURCES code/skipped.c              GROUPS code)
guest_test(code_size        SOURCES code/code_size.c            GROUPS code)
guest_test(unmodified       SOURCES code/unmodified.c           GROUPS code)
guest_test(data_in_code     SOURCES code/data_in_code.c         GROUPS code)
guest_test(by_itself        SOURCES code/by_itself.c            GROUPS code)

guest_test(fpu              SOURCES exceptions/fpu.c            GROUPS exceptions)
guest_test(nested_faults    SOURCES exceptions/nested_faults.c  GROUPS exceptions
           NO_QEMU "TCG leaves EXT out of the error codes of faults during delivery")
guest_test(triple_fault     SOURCES exceptions/triple_fault.c   GROUPS exceptions STATUS 4 QEMU_STATUS 0)
guest_test(task_gate        SOURCES exceptions/task_gate.c      GROUPS exceptions)
guest_test(alignment        SOURCES exceptions/alignment.c      GROUPS exceptions
           NO_QEMU "TCG checks no alignment")
guest_test(single_step      SOURCES exceptions/single_step.c    GROUPS exceptions)
guest_test(shadow           SOURCES interrupts/shadow.c         GROUPS interrupts)
guest_test(nested           SOURCES interrupts/nested.c         GROUPS interrupts)
guest_test(rates            SOURCES interrupts/rates.c          GROUPS interrupts)

guest_test(segment_bases    SOURCES segments/bases.c            GROUPS segments)
guest_test(segment_limits   SOURCES segments/limits.c           GROUPS segments
           NO_QEMU "TCG checks neither limits nor types of segments")
guest_test(isa_devices      SOURCES devices/isa.c               GROUPS devices)
guest_test(clock_interrupt  SOURCES devices/clock_interrupt.c   GROUPS devices)
guest_test(local_apic       SOURCES devices/local_apic.c        GROUPS devices)
guest_test(ide              SOURCES devices/ide.c               GROUPS devices DISK 2)
guest_test(ide_slave        SOURCES devices/ide_slave.c         GROUPS devices DISK 2 DISK_INDEX 1)

# Hostile guests.  Either the transfer is the guest's own #GP (1), or the fence stops what got out (6).
guest_test(hostile_direct   SOURCES hostile/direct.c            GROUPS hostile)
function(hostile name)
  guest_test(hostile_${name} SOURCES hostile/hidden.c hostile/payload.S GROUPS hostile STATUS 1,6 FORBID ESCAPED
    NO_QEMU "there is no host to escape to" DEFINITIONS ${ARGN})
endfunction()
foreach(payload WRITE OPEN EXECVE KILL FORK PTRACE EXIT MMAP_WX MMAP_HIGH)
  string(TOLOWER ${payload} lower)
  hostile(user_${lower}   RING=3 SELECTOR=0x33 ROUTE=1 PAYLOAD_${payload})
  hostile(kernel_${lower} RING=0 SELECTOR=0x33 ROUTE=1 PAYLOAD_${payload})
endforeach()
foreach(ring 0 3)
  foreach(selector 0x33 0x23 0x2B)
    foreach(route 1 2 3 4)
      hostile(route${route}_${selector}_ring${ring} RING=${ring} SELECTOR=${selector} ROUTE=${route} PAYLOAD_WRITE PAGING)
    endforeach()
  endforeach()
  foreach(route 5 6 7)
    hostile(system_call${route}_ring${ring} RING=${ring} SELECTOR=0x33 ROUTE=${route} PAYLOAD_WRITE PAGING)
  endforeach()
endforeach()
