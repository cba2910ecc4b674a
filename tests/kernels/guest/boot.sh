# Nothing: to be up is all.  For boots that are timed or counted; tells where randomisation put the kernel.
echo "booted: $(uname -r) at $(sed -n 's/ T _text$//p' /proc/kallsyms)"
