$ErrorActionPreference = 'SilentlyContinue'
$lines = @(repadmin /showrepl localhost /csv)
$start = [array]::FindIndex([string[]]$lines, [Predicate[string]]{ param($l) $l -like '*showrepl_COLUMNS*' })
$rows = if ($start -ge 0) { @($lines[$start..($lines.Count - 1)] | ConvertFrom-Csv) } else { @() }
$links = @($rows | Where-Object { $_.showrepl_COLUMNS -eq 'showrepl_INFO' })
$broken = @($rows | Where-Object { $_.showrepl_COLUMNS -eq 'showrepl_ERROR' })
$failing = @($links | Where-Object { [int]$_.'Number of Failures' -gt 0 })
$worst = [int](@($links | ForEach-Object { [int]$_.'Last Failure Status' }) | Measure-Object -Maximum).Maximum
if ($broken.Count -gt 0 -and $worst -eq 0) { $worst = 1722 }
$times = @($links | ForEach-Object { $t = [datetime]::MinValue
  if ([datetime]::TryParse($_.'Last Success Time', [ref]$t)) { $t.ToUniversalTime() } })
$oldest = if ($links.Count -gt 0 -and $times.Count -eq $links.Count) {
  (@($times) | Sort-Object)[0].ToString('yyyy-MM-ddTHH:mm:ssZ')
} else { $null }
$tests = @(dcdiag | ForEach-Object { if ($_ -match '^\s*\.+\s+\S+\s+(passed|failed)\s+test\s+(\w+)') {
  [pscustomobject]@{ Passed = $Matches[1] -eq 'passed'; Name = $Matches[2] } } })
$quiet = (dcdiag /q | Out-String).Trim()
$failed = @($tests | Where-Object { -not $_.Passed } | Select-Object -First 12 | ForEach-Object { $_.Name })
if ($tests.Count -eq 0 -or ($failed.Count -eq 0 -and $quiet)) { $failed += 'dcdiag' }
$report = [ordered]@{
  dcdiag = [ordered]@{ passed = @($tests | Where-Object { $_.Passed }).Count; failed = $failed }
  replication = [ordered]@{
    partners = $links.Count; failures = $failing.Count + $broken.Count
    worstStatus = $worst; oldestSuccess = $oldest
  }
}
Write-Output (ConvertTo-Json $report -Compress -Depth 4)
