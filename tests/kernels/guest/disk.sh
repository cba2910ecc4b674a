# An ext4 file system on the IDE disk: loads the drivers, reads what the host put there, writes, and reads it back.
# Without a PCI bus pata_legacy finds the disk, with one (QEMU -M pc) ata_piix does.
modprobe pata_legacy 2>/dev/null
modprobe ata_piix 2>/dev/null
modprobe sd_mod
modprobe ext4
i=0
while [ ! -b /dev/sda ] && [ $i -lt 50 ]; do
    sleep 0.1
    i=$((i + 1))
done
mount -t ext4 /dev/sda /mnt || exit 1
echo "from the host: $(cat /mnt/greeting)"
seq 1 100000 >/mnt/numbers
sync
umount /mnt
echo 3 >/proc/sys/vm/drop_caches
mount -t ext4 /dev/sda /mnt || exit 1
echo "numbers: $(md5sum </mnt/numbers)"
umount /mnt
