# What a policy applies to.
type Linkaudit::Target = Enum['bond', 'bridge', 'device', 'kind']
