# What a policy is for.
type Linkaudit::Target = Enum['bond', 'bridge', 'device', 'kind']
