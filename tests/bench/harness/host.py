"""What the figures were measured on, and whether it was quiet."""
import os
import platform
import re
import time


def processor_times():
    """Ticks of all processors: total, idle, and stolen by the hypervisor."""
    with open("/proc/stat") as stat:
        fields = [int(word) for word in stat.readline().split()[1:]]
    return sum(fields[:8]), fields[3] + fields[4], fields[7]


def busy_share(seconds):
    """How much of the machine others use while we wait, 0 to 1."""
    total, idle, _ = processor_times()
    time.sleep(seconds)
    later, later_idle, _ = processor_times()
    return 1 - (later_idle - idle) / max(1, later - total)


def describe():
    with open("/proc/cpuinfo") as info:
        text = info.read()
    with open("/proc/loadavg") as load:
        load_average = float(load.read().split()[0])
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.M)
    return {
        "processor": model.group(1).strip() if model else "unknown",
        "processors": os.cpu_count(),
        "virtual": " hypervisor" in text,
        "kernel": platform.release(),
        "load": load_average,
        "busy": round(busy_share(1), 3),
    }


def one_line(machine):
    virtual = " (a virtual machine)" if machine["virtual"] else ""
    return (f"{machine['processor']}, {machine['processors']} processors{virtual}, Linux {machine['kernel']}, "
            f"load {machine['load']:.2f}")


def warning(machine):
    """What to say about noise, or an empty string."""
    if machine["busy"] > 0.10 or machine["load"] > 0.7:
        return (f"warning: this machine is busy (load {machine['load']:.2f}, {machine['busy']:.0%} of its processors "
                "in use): ratios may hold, absolute figures do not")
    return ""
