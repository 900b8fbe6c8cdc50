# An interface name that the kernel accepts. (The kernel counts bytes; linkaudit
# itself refuses a longer one.)
type Linkaudit::Device = Pattern[/\A[^\/:[:space:][:cntrl:]]{1,15}\z/]
