"""Bochs, an interpreter of the whole PC: boots from a disk, so GRUB has to load the kernel there."""
import contextlib
import os
import subprocess
import tarfile

from peers import KERNEL_ARGUMENTS, Peer

SECTOR, FIRST_SECTOR = 512, 2048  # of the partition
HEADS, SECTORS = 16, 63

GRUB = f"""set root=(hd0,msdos1)
linux /vmlinuz console=ttyS0 {KERNEL_ARGUMENTS}
initrd /initrd
boot
"""


def make_disk(path, grub, kernel, initrd, environment):
    """A disk with GRUB in its first sectors, and a partition that holds not a file system but a tar archive."""
    config, core = path + ".cfg", path + ".core"
    with open(config, "w") as file:
        file.write(GRUB)
    subprocess.run([os.path.join(grub, "usr/bin/grub-mkimage"), "-d", os.path.join(grub, "usr/lib/grub/i386-pc"), "-O",
                    "i386-pc", "-o", core, "-c", config, "-p", "/", "biosdisk", "part_msdos", "tar", "linux", "boot"],
                   check=True, env=environment)
    with open(os.path.join(grub, "usr/lib/grub/i386-pc/boot.img"), "rb") as file:
        boot = bytearray(file.read())
    with open(core, "rb") as file:
        core_image = file.read()
    assert len(boot) == SECTOR and len(core_image) <= (FIRST_SECTOR - 1) * SECTOR
    with open(path, "wb") as disk:
        disk.seek(FIRST_SECTOR * SECTOR)
        with tarfile.open(fileobj=disk, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            archive.add(kernel, "vmlinuz")
            archive.add(initrd, "initrd")
        cylinders = -(-disk.tell() // (HEADS * SECTORS * SECTOR)) + 1
        disk.truncate(cylinders * HEADS * SECTORS * SECTOR)
        # The partition table: one active entry, by sector numbers (type 0x83).
        length = cylinders * HEADS * SECTORS - FIRST_SECTOR
        boot[446:462] = (b"\x80\xfe\xff\xff\x83\xfe\xff\xff" + FIRST_SECTOR.to_bytes(4, "little")
                         + length.to_bytes(4, "little"))
        boot[462:510] = bytes(48)  # GRUB has code for floppies where the other entries are
        boot[510:512] = b"\x55\xaa"
        disk.seek(0)
        disk.write(boot)
        disk.seek(SECTOR)
        disk.write(core_image)
    return cylinders


class Bochs(Peer):
    boot_only = True

    def __init__(self, name, files):
        super().__init__(name, files)
        self.note = "Bochs 2.7; boots only, by GRUB from a disk"
        self.root = os.path.join(files.peers("--bochs"), "bochs")
        library = os.path.join(self.root, "usr/lib/x86_64-linux-gnu")
        self.libraries = f"{library}:{os.path.join(self.root, 'lib/x86_64-linux-gnu')}"
        self.plugins = os.path.join(library, "bochs/plugins")
        folder = os.path.join(files.build, "tests/bench/bochs")
        os.makedirs(folder, exist_ok=True)
        # What a Bochs that was killed leaves behind keeps the next one from its disk.
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, "disk.lock"))
        disk, self.config, self.commands = (os.path.join(folder, name) for name in ("disk", "config", "commands"))
        cylinders = make_disk(disk, self.root, files.kernel, files.initrd(32),
                              {**os.environ, "LD_LIBRARY_PATH": self.libraries})
        share = os.path.join(self.root, "usr/share")
        with open(self.config, "w") as config:
            config.write(f"""display_library: rfb, options="timeout=0"
romimage: file={share}/bochs/BIOS-bochs-latest
vgaromimage: file={share}/vgabios/vgabios.bin
megs: {self.megabytes}
boot: disk
ata0-master: type=disk, path={disk}, mode=flat, cylinders={cylinders}, heads={HEADS}, spt={SECTORS}
com1: enabled=1, mode=file, dev=/dev/stdout
cpu: model=p4_prescott_celeron_336, count=1, reset_on_triple_fault=0
clock: sync=none
log: {folder}/log
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
sound: waveoutdrv=dummy, waveindrv=dummy
speaker: enabled=0
""")
        with open(self.commands, "w") as commands:
            commands.write("c\n")  # Debian's Bochs stops in its debugger first

    def boot_command(self, append=""):
        return ["env", f"LD_LIBRARY_PATH={self.libraries}", f"LTDL_LIBRARY_PATH={self.plugins}",
                f"BXSHARE={self.root}/usr/share/bochs", f"{self.root}/usr/bin/bochs-bin", "-q", "-f", self.config,
                "-rc", self.commands]
