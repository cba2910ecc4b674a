# A bit of everything that a user would try, without a terminal.  Each line starts with the name of what it shows.
echo "processes: $(ps | grep -c '[k]threadd')"
echo "pipes: $(seq 1 1000 | grep 7 | sort -rn | head -n 1)"
echo "zeros: $(dd if=/dev/zero bs=64k count=64 2>/dev/null | md5sum)"
echo "gzip: $(seq 1 50000 | gzip | gunzip | md5sum)"
echo "sha256: $(seq 1 50000 | sha256sum)"
threads
i=0
while [ $i -lt 50 ]; do
    /bin/true || echo "true failed"
    i=$((i + 1))
done
echo "fork and exec: $i"
sleep 1 &
wait $!
echo "sleep: status $?"
